"""placeholder"""
from __future__ import annotations
from typing import Any
def converted(f: Any) -> Any:
    """f"""
    return f
