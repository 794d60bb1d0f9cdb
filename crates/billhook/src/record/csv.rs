//! Records as CSV: a row is one line of an order, and the rows of one order follow each other.
//!
//! The first row has the order's own fields. In the others their cells are empty or repeat them. A row
//! without an order's number is an entry of the catalogue (decision 65).

use std::io::{self, Write};

use billhook_store::{
    orders::{Line, Order, order_changes::Payment, order_record::has_paid},
    products::Product,
};
use billhook_wire::Money;
use jiff::tz::TimeZone;

use super::{
    Draft, Fault, Field, GoodField, ItemDraft, ItemField, LINES_MAX, ProductDraft, Record, Value, not_text,
    payments, quoted, unknown, value::NONE,
};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Order(Field),
    Item(ItemField),
    /// A setting of a product; empty in the rows of orders.
    Good(GoodField),
    /// A spreadsheet's trailing column without a name; always empty.
    Unnamed,
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Order(field) => field.name(),
            Self::Item(field) => field.column(),
            Self::Good(field) => field.name(),
            Self::Unnamed => "",
        }
    }

    fn known() -> impl Iterator<Item = Self> {
        let items = ItemField::ALL.into_iter().map(Self::Item);
        Field::all().map(Self::Order).chain(items).chain(GoodField::all().map(Self::Good))
    }

    /// The column for a name in the header; letter case does not matter.
    fn named(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Unnamed);
        }
        Self::known().find(|column| column.name().eq_ignore_ascii_case(name))
    }
}

/// A row's cells, and the line in which it begins.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) line: u64,
    cells: Vec<u8>,
    /// The end of each cell in `cells`.
    ends: Vec<usize>,
}

impl Row {
    pub(crate) fn new(line: u64, cells: Vec<u8>, ends: Vec<usize>) -> Self {
        Self { line, cells, ends }
    }

    /// The length of all its cells together.
    pub(crate) fn bytes(&self) -> usize {
        self.cells.len()
    }

    /// Whether all cells are empty.
    pub(crate) fn is_blank(&self) -> bool {
        self.cells.is_empty()
    }

    /// Its cells.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends
            .iter()
            .map(move |end| self.cells.get(std::mem::replace(&mut start, *end)..*end).unwrap_or_default())
    }
}

/// The columns that a file's header names.
#[derive(Debug)]
pub(crate) struct Columns {
    all: Vec<Column>,
    /// The index of the column with the order's number.
    id_at: usize,
    /// The file's encoding, for messages.
    encoding: &'static str,
}

impl Columns {
    pub(crate) fn read(header: &Row, encoding: &'static str) -> Result<Self, Fault> {
        let names =
            header.cells().map(|cell| text(cell, encoding).map(str::trim)).collect::<Result<Vec<_>, _>>()?;
        if let Some(first) = names.first()
            && !first.is_empty()
            && first.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(Fault(format!(
                "no header line? It begins with {}, not with columns' names such as id,email,item_id",
                quoted(first)
            )));
        }
        let strange: Vec<_> = names.iter().copied().filter(|name| Column::named(name).is_none()).collect();
        if !strange.is_empty() {
            let what = if strange.len() == 1 { "column" } else { "columns" };
            let listed =
                Field::FIRST.map(Field::name).into_iter().chain(ItemField::ALL.map(ItemField::column));
            let others = Field::others().map(Field::name).chain(GoodField::all().map(GoodField::name));
            return Err(unknown(what, &strange, listed, others));
        }
        let mut columns = Vec::with_capacity(names.len());
        for column in names.into_iter().filter_map(Column::named) {
            if column != Column::Unnamed && columns.contains(&column) {
                return Err(Fault(format!("the column `{}` occurs twice", column.name())));
            }
            columns.push(column);
        }
        for needed in [Column::Order(Field::Email), Column::Item(ItemField::Id)] {
            if !columns.contains(&needed) {
                return Err(missing(needed));
            }
        }
        let id = Column::Order(Field::Id);
        let id_at = columns.iter().position(|column| *column == id).ok_or_else(|| missing(id))?;
        Ok(Self { all: columns, id_at, encoding })
    }

    /// The cell with the order's number. Consecutive rows with the same number are one order.
    pub(crate) fn order_of<'r>(&self, row: &'r Row) -> &'r [u8] {
        row.cells().nth(self.id_at).unwrap_or_default().trim_ascii()
    }

    /// Reads the rows of one order, or the one row of a product. A fault comes with its line.
    pub(crate) fn record(
        &self,
        first: &Row,
        others: &[Row],
        zone: &TimeZone,
    ) -> Result<Record, (u64, Fault)> {
        if self.order_of(first).is_empty() {
            return self.product(first).map_err(|fault| (first.line, fault));
        }
        let mut draft = Draft::default();
        let item = self.order(first, &mut draft, zone).map_err(|fault| (first.line, fault))?;
        draft.items.push(item);
        for row in others {
            let item = self.following(row, first).map_err(|fault| (row.line, fault))?;
            if draft.items.len() == LINES_MAX {
                return Err((row.line, Fault::new("an order has at most 1,000 items")));
            }
            draft.items.push(item);
        }
        Ok(Record::Order(Box::new(draft)))
    }

    /// Calls `read` with every cell that is not empty, its position and its column. A fault names the column.
    fn cells<'r>(
        &self,
        row: &'r Row,
        mut read: impl FnMut(usize, Column, &'r str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if row.ends.len() != self.all.len() {
            let (cells, columns) = (row.ends.len(), self.all.len());
            return Err(Fault(format!("the row has {cells} cells, the header has {columns}")));
        }
        for (place, (column, cell)) in self.all.iter().zip(row.cells()).enumerate() {
            if cell.is_empty() {
                continue;
            }
            if *column == Column::Unnamed {
                return Err(Fault(format!("cell {} is in a column without a name", place + 1)));
            }
            text(cell, self.encoding)
                .and_then(|cell| read(place, *column, cell))
                .map_err(|fault| fault.at(format_args!("`{}`", column.name())))?;
        }
        Ok(())
    }

    fn order(&self, row: &Row, draft: &mut Draft, zone: &TimeZone) -> Result<ItemDraft, Fault> {
        let mut item = ItemDraft::default();
        self.cells(row, |_, column, cell| match column {
            Column::Order(field) => draft.set(field, Value::Text(cell.into()), zone),
            Column::Item(field) => item.set(field, Value::Text(cell.into())),
            Column::Good(_) => Err(of_product()),
            Column::Unnamed => Ok(()),
        })?;
        Ok(item)
    }

    fn following(&self, row: &Row, first: &Row) -> Result<ItemDraft, Fault> {
        let mut item = ItemDraft::default();
        self.cells(row, |place, column, cell| match column {
            Column::Item(field) => item.set(field, Value::Text(cell.into())),
            Column::Order(field)
                if field != Field::Id && first.cells().nth(place) != Some(cell.as_bytes()) =>
            {
                Err(Fault(format!("differs from the order's first row, line {}", first.line)))
            }
            Column::Good(_) => Err(of_product()),
            Column::Order(_) | Column::Unnamed => Ok(()),
        })?;
        Ok(item)
    }

    fn product(&self, row: &Row) -> Result<Record, Fault> {
        let mut product = ProductDraft::default();
        self.cells(row, |_, column, cell| match column {
            Column::Item(field) => product.set(field, Value::Text(cell.into())),
            Column::Good(field) => product.settings.set(field, Value::Text(cell.into())),
            Column::Order(field) if field != Field::Id => {
                Err(Fault::new("the row has no `id`: every row of an order repeats its number"))
            }
            Column::Order(_) | Column::Unnamed => Ok(()),
        })?;
        Ok(Record::Product(product))
    }
}

pub(super) fn text<'c>(cell: &'c [u8], encoding: &str) -> Result<&'c str, Fault> {
    std::str::from_utf8(cell).map_err(|_| not_text(encoding))
}

fn of_product() -> Fault {
    Fault::new("belongs to a product, whose row has no `id`, and not to an order")
}

fn missing(column: Column) -> Fault {
    Fault(format!("the column `{}` is missing", column.name()))
}

/// Writes rows, cell by cell. A cell stands in quotes only where it must.
pub(crate) struct Writer<W> {
    out: W,
    is_in_row: bool,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, is_in_row: false }
    }

    pub(crate) fn cell(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        if std::mem::replace(&mut self.is_in_row, true) {
            self.out.write_all(b",")?;
        }
        let text = text.as_ref();
        if text.contains([',', '"', '\r', '\n']) {
            write!(self.out, "\"{}\"", text.replace('"', "\"\""))
        } else {
            self.out.write_all(text.as_bytes())
        }
    }

    pub(crate) fn end_row(&mut self) -> io::Result<()> {
        self.is_in_row = false;
        self.out.write_all(b"\n")
    }

    pub(crate) fn row(&mut self, cells: impl Iterator<Item = impl AsRef<str>>) -> io::Result<()> {
        cells.into_iter().try_for_each(|cell| self.cell(cell))?;
        self.end_row()
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes the header; `settings` are those that some product has.
pub(crate) fn write_header(settings: &[GoodField], out: &mut Writer<impl Write>) -> io::Result<()> {
    let columns = Field::all().map(Column::Order).chain(ItemField::ALL.into_iter().map(Column::Item));
    out.row(columns.chain(settings.iter().copied().map(Column::Good)).map(Column::name))
}

/// Writes an order: the first row has its fields, the others only its number.
pub(crate) fn write_order(
    order: &Order,
    payments: &[Payment],
    settings: &[GoodField],
    out: &mut Writer<impl Write>,
) -> io::Result<()> {
    for (position, line) in order.lines.iter().enumerate() {
        out.cell(order.id.to_string())?;
        if position == 0 {
            Field::all().skip(1).try_for_each(|field| write_field(order, payments, field, out))?;
        } else {
            Field::all().skip(1).try_for_each(|_| out.cell(""))?;
        }
        write_line(line, out)?;
        settings.iter().try_for_each(|_| out.cell(""))?;
        out.end_row()?;
    }
    Ok(())
}

fn write_field(
    order: &Order,
    payments: &[Payment],
    field: Field,
    out: &mut Writer<impl Write>,
) -> io::Result<()> {
    let handling = &order.handling;
    let number_of_some = |number: i64| if number == 0 { String::new() } else { number.to_string() };
    match field {
        Field::Id => out.cell(order.id.to_string()),
        Field::Email => out.cell(order.email.as_ref().map_or(NONE, |email| email.as_str())),
        Field::PayStatus => out.cell(order.pay_status.as_str()),
        Field::Created => out.cell(order.created.to_string()),
        Field::Paid if has_paid(order) => out.cell(order.paid.to_string()),
        Field::IsRecurrent if order.is_recurrent => out.cell("true"),
        Field::Confirmed if handling.confirmed => out.cell("true"),
        Field::Paid | Field::IsRecurrent | Field::Confirmed => out.cell(""),
        Field::Deleted => out.cell(number_of_some(handling.deleted)),
        Field::KillAt => out.cell(number_of_some(handling.kill_at)),
        Field::Delivery => out.cell(handling.delivery.as_str()),
        Field::Sent => out.cell(number_of_some(handling.sent)),
        Field::Manager => out.cell(number_of_some(handling.manager)),
        Field::Text(text) => out.cell(order.texts.get(text)),
        Field::Payments => out.cell(payments::cell(payments)),
    }
}

fn write_line(line: &Line, out: &mut Writer<impl Write>) -> io::Result<()> {
    let fee = |fee: Money| if fee == Money::ZERO { String::new() } else { fee.to_string() };
    out.cell(line.good_id.to_string())?;
    out.cell(&line.good_name)?;
    out.cell(&line.good_title)?;
    out.cell(line.sum.to_string())?;
    let price = if line.price == line.sum { String::new() } else { line.price.to_string() };
    out.cell(price)?;
    out.cell(&line.pincode)?;
    out.cell(fee(line.partner_fee))?;
    out.cell(fee(line.partner_pfee))
}

/// Writes a catalogue entry: a row without an order's number.
pub(crate) fn write_product(
    good: &Product,
    settings: &[GoodField],
    out: &mut Writer<impl Write>,
) -> io::Result<()> {
    let product = &good.listing;
    Field::all().try_for_each(|_| out.cell(""))?;
    out.cell(product.id.to_string())?;
    out.cell(&product.good_name)?;
    out.cell(&product.good_title)?;
    out.cell(product.good_sum.to_string())?;
    // A line's price, pin code and fees.
    [""; 4].iter().try_for_each(|empty| out.cell(empty))?;
    for field in settings {
        out.cell(field.written(good).map(|setting| setting.to_string()).unwrap_or_default())?;
    }
    out.end_row()
}
