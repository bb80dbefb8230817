"""Programs and packages: find, fetch, build and keep them. What doctor shows; decides nothing about a boot."""
