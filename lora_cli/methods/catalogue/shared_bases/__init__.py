"""Methods around shared, random or fixed bases."""
