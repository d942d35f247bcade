"""Data to pictures: the map, tables and charts, each with a title, units and an alt text."""
