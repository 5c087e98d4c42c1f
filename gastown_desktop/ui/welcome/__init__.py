"""The first page: open, clone or rehearse the sample; what was opened before."""
