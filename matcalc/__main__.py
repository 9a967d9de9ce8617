"""``python -m matcalc``: the command line."""

from matcalc.cli import main

raise SystemExit(main())
