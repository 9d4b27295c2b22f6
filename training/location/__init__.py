"""Location retrieval: hierarchical contrastive learning between lesions and descriptions of locations."""
