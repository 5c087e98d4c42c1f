"""Hand-written mutants: a promise is broken in a copy of the program, and its tests have to notice."""
