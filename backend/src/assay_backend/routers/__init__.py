"""One module a subject: endpoints that turn requests into calls and calls into answers."""
