"""Which of the five options is right for whom: `advice` decides, the others are its parts."""
