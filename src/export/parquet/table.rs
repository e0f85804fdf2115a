//! One Parquet file: rows gather in columns, and go out as row groups.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use crate::export::ExportError;
use crate::export::output::Part;

/// Rows of a row group, at most.
const ROWS_OF_GROUP_MAX: usize = 65_536;

/// A cell of a row. A column takes one kind of them, and nothing where it is optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A whole number, a scaled decimal, or an instant in microseconds.
    Whole(i64),
    /// A small whole number, or a day since 1970.
    Small(i32),
    /// Yes or no.
    Flag(bool),
    /// Nothing.
    Nothing,
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What gathered for a column.
enum Values {
    Texts(Vec<ByteArray>),
    Wholes(Vec<i64>),
    Smalls(Vec<i32>),
    Flags(Vec<bool>),
}

struct Column {
    name: String,
    values: Values,
    /// 1 where there is a value, 0 where there is none; unused where there always is one.
    levels: Vec<i16>,
    optional: bool,
}

/// A Parquet file in the making.
pub struct Table {
    writer: SerializedFileWriter<Part>,
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// Begins a file with columns as Parquet's schema language writes them.
    pub fn create(to: &Path, name: &str, columns: &str) -> Result<Self, ExportError> {
        let schema = Arc::new(parse_message_type(&format!("message {name} {{ {columns} }}"))?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROWS_OF_GROUP_MAX))
            .set_created_by(format!("coalition {}", env!("CARGO_PKG_VERSION")))
            .build();
        let columns = schema.get_fields().iter().map(|field| {
            let values = match field.get_physical_type() {
                Physical::INT64 => Values::Wholes(Vec::new()),
                Physical::INT32 => Values::Smalls(Vec::new()),
                Physical::BOOLEAN => Values::Flags(Vec::new()),
                _ => Values::Texts(Vec::new()),
            };
            let optional = field.get_basic_info().repetition() == Repetition::OPTIONAL;
            Column { name: field.name().to_owned(), values, levels: Vec::new(), optional }
        });
        let columns = columns.collect();
        let part = Part::create(to)?;
        let writer = SerializedFileWriter::new(part, schema, Arc::new(properties))?;
        Ok(Self { writer, columns, rows: 0 })
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If the row does not have a cell of the right kind for each column.
    pub fn add<const COLUMNS: usize>(&mut self, row: [Cell; COLUMNS]) -> Result<(), ExportError> {
        assert_eq!(self.columns.len(), COLUMNS, "a row has a cell for each column");
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.add(cell);
        }
        self.rows += 1;
        if self.rows == ROWS_OF_GROUP_MAX { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left, and gives the file its name.
    pub fn finish(mut self) -> Result<PathBuf, ExportError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        Ok(self.writer.into_inner()?.finish()?)
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let writer = group.next_column()?;
            column.write(writer.expect("the file has as many columns as its schema"))?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Column {
    fn add(&mut self, cell: Cell) {
        let is_there = cell != Cell::Nothing;
        match (&mut self.values, cell) {
            (Values::Texts(values), Cell::Text(text)) => values.push(text.into_bytes().into()),
            (Values::Wholes(values), Cell::Whole(value)) => values.push(value),
            (Values::Smalls(values), Cell::Small(value)) => values.push(value),
            (Values::Flags(values), Cell::Flag(value)) => values.push(value),
            (_, Cell::Nothing) if self.optional => {}
            (_, cell) => panic!("the column {} can't take {cell:?}", self.name),
        }
        self.levels.push(i16::from(is_there));
    }

    fn write(&mut self, writer: SerializedColumnWriter) -> Result<(), ExportError> {
        let levels = self.optional.then_some(self.levels.as_slice());
        match &mut self.values {
            Values::Texts(values) => write_values::<ByteArrayType>(writer, values, levels)?,
            Values::Wholes(values) => write_values::<Int64Type>(writer, values, levels)?,
            Values::Smalls(values) => write_values::<Int32Type>(writer, values, levels)?,
            Values::Flags(values) => write_values::<BoolType>(writer, values, levels)?,
        }
        self.levels.clear();
        Ok(())
    }
}

fn write_values<T: DataType>(
    mut writer: SerializedColumnWriter,
    values: &mut Vec<T::T>,
    levels: Option<&[i16]>,
) -> Result<(), ExportError> {
    writer.typed::<T>().write_batch(values, levels, None)?;
    writer.close()?;
    values.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use parquet::basic::LogicalType;
    use parquet::file::metadata::RowGroupMetaData;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    const COLUMNS: &str = "
        REQUIRED BYTE_ARRAY name (STRING);
        OPTIONAL INT64 points (DECIMAL(18,4));
        OPTIONAL BOOLEAN even;";

    #[test]
    fn row_groups_are_bounded_and_every_row_comes_back() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let to = folder.path().join("rows.parquet");
        let mut table = Table::create(&to, "rows", COLUMNS).expect("the file can be made");
        for number in 0..150_000_i64 {
            let points = (number % 3 == 0).then_some(number).map_or(Cell::Nothing, Cell::Whole);
            let row = [Cell::Text(format!("n{number}")), points, Cell::Flag(number % 2 == 0)];
            table.add(row).expect("the row can be written");
        }
        assert!(!to.exists(), "it has no name yet");
        assert_eq!(table.finish().expect("the file can be finished"), to);

        let file = std::fs::File::open(&to).expect("it is there");
        let reader = SerializedFileReader::new(file).expect("it is Parquet");
        let groups = reader.metadata().row_groups();
        let counts: Vec<i64> = groups.iter().map(RowGroupMetaData::num_rows).collect();
        assert_eq!(counts, [65_536, 65_536, 18_928]);
        let points = groups[0].column(1).column_descr();
        let decimal = LogicalType::decimal(4, 18);
        assert_eq!(points.logical_type_ref(), Some(&decimal));
        assert_eq!(groups[0].column(0).compression(), Compression::SNAPPY);
        let rows = reader.get_row_iter(None).expect("it has rows");
        for (number, row) in rows.enumerate() {
            let row = row.expect("the row can be read");
            assert_eq!(row.get_string(0).map(String::as_str).ok(), Some(&*format!("n{number}")));
            assert_eq!(row.get_decimal(1).is_ok(), number % 3 == 0);
            assert_eq!(row.get_bool(2).ok(), Some(number % 2 == 0));
        }
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let to = folder.path().join("rows.parquet");
        let table = Table::create(&to, "rows", COLUMNS).expect("the file can be made");
        assert_eq!(folder.path().read_dir().map(Iterator::count).ok(), Some(1));
        drop(table);
        assert_eq!(folder.path().read_dir().map(Iterator::count).ok(), Some(0));
    }
}
