"""The history page: everything that happened, past convoys, rehearsals and recoveries."""
