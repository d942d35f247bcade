"""What the container runs."""

import sys

from .collector import main

sys.exit(main())
