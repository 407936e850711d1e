"""Whether two listeners can want the same envelope: `overlap` asks, the others work it out."""
