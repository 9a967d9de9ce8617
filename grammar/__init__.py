"""The languages as data: Lark grammars, shipped as ``matcalc.grammar``."""
