"""What Raspberry Pis are served before their own firmware runs: DHCP's options, a folder of files each."""
