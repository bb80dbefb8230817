"""Whether a CozyStack is up, by what its cluster's API says: `probe` asks it over and over, `asking` once."""
