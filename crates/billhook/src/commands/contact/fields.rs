//! A contact's fields by their names, as people type them.

use billhook_store::contacts::{Contact, ContactText};
use billhook_wire::{Email, Text, method::UtcOffset};

use crate::{failure::Failure, nearest::nearest};

/// The field that is no text.
const MANAGER: &str = "manager";

/// What somebody says of a contact.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Email(Email),
    Manager(i64),
    Text(ContactText, Text),
}

fn names() -> impl Iterator<Item = &'static str> + Clone {
    ContactText::ALL.into_iter().map(ContactText::name).chain([MANAGER])
}

/// Reads `FIELD=VALUE`; an empty value clears the field.
pub(super) fn field(text: &str) -> Result<Said, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("write FIELD=VALUE, such as phone=+79161234567".to_owned());
    };
    let (name, value) = (name.trim(), value.trim());
    if name.eq_ignore_ascii_case(MANAGER) {
        let number = if value.is_empty() { Some(0) } else { value.parse().ok() };
        let number = number.filter(|number| *number >= 0).map(Said::Manager);
        return number.ok_or_else(|| "manager: it is a manager's number, or 0 for none".to_owned());
    }
    let Some(field) = ContactText::ALL.into_iter().find(|field| field.name().eq_ignore_ascii_case(name))
    else {
        return Err(match nearest(name, names()) {
            Some(near) => format!("a contact has no field {name}: did you mean {near}?"),
            None => format!("a contact has no field {name}: known are {}", known()),
        });
    };
    let said = |error: &dyn std::fmt::Display| format!("{}: {error}", field.name());
    let value = if field == ContactText::Utc && !value.is_empty() {
        UtcOffset::parse(value).map_err(|error| said(&error))?.to_string()
    } else {
        value.to_owned()
    };
    Ok(Said::Text(field, Text::new(value).map_err(|error| said(&error))?))
}

/// Reads an e-mail, or a field.
pub(super) fn email_or_field(text: &str) -> Result<Said, String> {
    if text.contains('=') {
        return field(text);
    }
    Email::parse(text).map(Said::Email).map_err(|error| format!("{error}; a field is FIELD=VALUE"))
}

/// Fails if something is said twice.
pub(super) fn once_each(said: &[Said]) -> Result<(), Failure> {
    let name = |said: &Said| match said {
        Said::Email(_) => "the e-mail",
        Said::Manager(_) => MANAGER,
        Said::Text(field, _) => field.name(),
    };
    let mut names: Vec<_> = said.iter().map(name).collect();
    names.sort_unstable();
    let twice = names.array_windows().find(|[one, next]| one == next);
    twice.map_or(Ok(()), |[name, _]| Err(Failure::usage(format!("{name} is said twice"))))
}

/// Has a contact say what was said.
pub(super) fn apply(contact: &mut Contact, said: &[Said]) {
    for said in said {
        match said {
            Said::Email(email) => contact.email = Some(email.clone()),
            Said::Manager(number) => contact.manager = *number,
            Said::Text(field, text) => contact.texts.set(*field, text.as_str()),
        }
    }
}

fn known() -> String {
    names().collect::<Vec<_>>().join(", ")
}

/// The help of `contact add` and `contact set`, made from the list of fields.
pub(crate) fn help(examples: &str) -> String {
    format!(
        "Fields:\n  {}\n\nA manager is a number, as in `billhook manager list`, and utc a time zone such as +03:00.\n\n{examples}",
        known()
    )
}
