"""How the program looks: tokens, palette, fonts, glyphs, fills of money."""
