"""The school: draws landscapes and trains the studio's own small painter on them."""
