"""Where bars come from: one module a vendor, each the only importer of its library."""
