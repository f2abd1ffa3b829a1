"""Where packages come from, as the files of apt, dnf, yum and zypper say it."""
