"""The daily report: facts gathered, put into sentences, rendered as Markdown and as HTML."""
