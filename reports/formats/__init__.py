"""Files that a report can be taken away as; each module writes a document to a path and imports its tool itself."""
