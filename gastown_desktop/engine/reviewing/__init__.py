"""Reviewing: a reviewer reads finished work before the Refinery takes it, where the user wants that."""
