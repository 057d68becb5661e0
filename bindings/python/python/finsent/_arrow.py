"""Predictions beside the columns of Arrow's tables and batches."""

from __future__ import annotations

from typing import Any, List, Optional

from ._columns import check_column, free_prefix, text_column
from ._finsent import Model


def string_columns(schema: Any) -> List[str]:
    """The names of a schema's columns of strings."""
    import pyarrow

    # Older versions have no views.
    kinds = [getattr(pyarrow.types, kind, None) for kind in ("is_string", "is_large_string", "is_string_view")]
    return [field.name for field in schema if any(is_kind is not None and is_kind(field.type) for is_kind in kinds)]


def with_predictions(table: Any, column: Optional[str], model: Model, *, is_signed: bool = False) -> Any:
    """Return a table or a batch with the predictions for a column after its own. ``is_signed`` is for what has only signed integers."""
    import pyarrow

    if not hasattr(pyarrow.RecordBatch, "__arrow_c_array__"):
        raise ImportError(f"finsent needs pyarrow 14 or later, found {pyarrow.__version__}; install a newer one")
    names = list(table.schema.names)
    column = column if column is not None else text_column(names, string_columns(table.schema))
    check_column(names, column)
    predictions = pyarrow.record_batch(model._columns(table.column(column)))
    prefix = free_prefix(names, predictions.schema.names)
    arrays, fields = list(table.columns), list(table.schema)
    for field, values in zip(predictions.schema, predictions.columns):
        if is_signed and pyarrow.types.is_uint32(values.type):
            values = values.cast(pyarrow.int64())
        arrays.append(values)
        fields.append(pyarrow.field(prefix + field.name, values.type))
    return type(table).from_arrays(arrays, schema=pyarrow.schema(fields, metadata=table.schema.metadata))
