"""What is wrong with a Raspberry Pi's config.txt and cmdline.txt, before a board gets them. Serves nothing."""
