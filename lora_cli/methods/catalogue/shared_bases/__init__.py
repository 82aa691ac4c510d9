"""Methods that train a few values around shared, random or fixed bases."""
