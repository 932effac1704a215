"""Finding things by their name: for the palette, for a page without scripts, and over the API."""
