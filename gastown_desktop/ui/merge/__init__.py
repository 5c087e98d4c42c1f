"""The merge page: the queue, the gates, landing."""
