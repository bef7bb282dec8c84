"""What commands print: texts and tables built from plain values, without reading anything."""
