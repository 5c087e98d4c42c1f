"""Which adapter serves which port, and the commands that the command line and the window share."""
