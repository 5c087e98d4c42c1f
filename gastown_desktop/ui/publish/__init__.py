"""Publishing: branches of the work as branches of the user's repository."""
