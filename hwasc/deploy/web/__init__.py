"""The export as a page: the int8 student in a browser, from sound to scenes."""
