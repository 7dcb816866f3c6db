"""A CSV file to load."""

from pathlib import Path

import pytest

from tests.python.data_loading.rows import WriteCsv


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Write a header and rows to meter.csv and return its path."""

    def write(rows: list[str], header: str = "start_at,import_wh") -> Path:
        path = tmp_path / "meter.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write
