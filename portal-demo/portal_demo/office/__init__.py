"""The back office: the authority's own side of the portal, under `/office`."""
