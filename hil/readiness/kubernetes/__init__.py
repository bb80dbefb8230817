"""Whether a node is one in Kubernetes, by what its cluster's API says: `probe` asks it over and over, `api` once."""
