//! An account's settings: one table of names, each with its values, its default and its help.

use std::fmt;

use billhook_wire::TextCase;
use ipnet::IpNet;
use jiff::tz::TimeZone;

/// What an account has set, and the defaults of the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What `GetBills` answers when it finds nothing (decision 21).
    pub getbills_empty: GetBillsEmpty,
    /// The letter case of `error_text` (decision 7).
    pub text_case: TextCase,
    /// The addresses that may call; empty: all.
    pub allow_ips: Vec<IpNet>,
    /// Requests a minute from one address; 0: no limit.
    pub rate: u32,
    /// The zone that dates are read and shown in.
    pub time_zone: TimeZone,
    /// Within so many hours an equal order is the same one (decision 17); 0: never.
    pub same_order_hours: u32,
    /// What `createorder` answers (decision 34).
    pub createorder_result: CreateOrderResult,
    /// What `UpdateGood` without a price does (decision 32).
    pub updategood_sum: UpdateGoodSum,
    /// The most orders that `GetOrders` gives, the newest; 0: all.
    pub getorders_max: u32,
    /// Whether a coupon takes something off a price that the caller names (decision 77).
    pub kupon_on_named_sum: bool,
    /// When an order cancels itself that `CreateOrder` makes without `bill_timer_kill` (decision 75).
    pub timer_kill_default: TimerKillDefault,
    /// How the links of new orders begin (decision 47).
    pub link_scheme: LinkScheme,
}

/// When an order cancels itself whose maker says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimerKillDefault {
    /// Never.
    #[default]
    Never,
    /// As its products' settings say.
    Goods,
}

/// How a link begins that leads to a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkScheme {
    /// By HTTPS where the server has a certificate of its own, or a trusted proxy's caller came by it.
    #[default]
    Auto,
    /// By HTTP.
    Http,
    /// By HTTPS.
    Https,
}

/// What `createorder` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CreateOrderResult {
    /// The order's number.
    #[default]
    BillId,
    /// The bare `[]` of the documentation.
    Empty,
}

/// What `UpdateGood` without a price does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UpdateGoodSum {
    /// The price stays.
    #[default]
    Keep,
    /// It becomes zero, as the documentation warns.
    Zero,
}

/// What `GetBills` answers when it finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GetBillsEmpty {
    /// Code 400.
    #[default]
    Error,
    /// Code 0 and an empty list.
    Ok,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            getbills_empty: GetBillsEmpty::default(),
            text_case: TextCase::default(),
            allow_ips: Vec::new(),
            rate: 0,
            time_zone: TimeZone::get(DEFAULT_TIME_ZONE).unwrap_or(TimeZone::UTC),
            same_order_hours: DEFAULT_SAME_ORDER_HOURS,
            createorder_result: CreateOrderResult::default(),
            updategood_sum: UpdateGoodSum::default(),
            getorders_max: 0,
            kupon_on_named_sum: false,
            timer_kill_default: TimerKillDefault::default(),
            link_scheme: LinkScheme::default(),
        }
    }
}

const DEFAULT_TIME_ZONE: &str = "Europe/Moscow";
const DEFAULT_SAME_ORDER_HOURS: u32 = 24;

/// What there is to know about a setting.
#[derive(Debug)]
pub struct SettingInfo {
    /// Its name.
    pub name: &'static str,
    /// The values it takes, for people.
    pub values: &'static str,
    /// Its value where none was set.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
    parse: fn(&str) -> Option<Value>,
}

/// Every setting.
pub const SETTINGS: &[SettingInfo] = &[
    SettingInfo {
        name: "getbills_empty",
        values: "error | ok",
        default: "error",
        help: "GetBills finds nothing: code 400, or code 0 with an empty list",
        parse: |text| match text {
            "error" => Some(Value::GetBillsEmpty(GetBillsEmpty::Error)),
            "ok" => Some(Value::GetBillsEmpty(GetBillsEmpty::Ok)),
            _ => None,
        },
    },
    SettingInfo {
        name: "text_case",
        values: "sentence | lower",
        default: "sentence",
        help: "letter case of error_text; 'lower' breaks clients that compare with `OK`",
        parse: |text| match text {
            "sentence" => Some(Value::TextCase(TextCase::Sentence)),
            "lower" => Some(Value::TextCase(TextCase::Lower)),
            _ => None,
        },
    },
    SettingInfo {
        name: "allow_ips",
        values: "addresses and networks with commas between, such as 203.0.113.7,10.0.0.0/8; empty: all",
        default: "",
        help: "who may call; anyone else gets code 6",
        parse: |text| {
            let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            networks.map(network).collect::<Option<_>>().map(Value::AllowIps)
        },
    },
    SettingInfo {
        name: "rate",
        values: "requests a minute from one address; 0: no limit",
        default: "0",
        help: "beyond it a caller gets code 8",
        parse: |text| text.parse().ok().map(Value::Rate),
    },
    SettingInfo {
        name: "time_zone",
        values: "a zone of the IANA database, such as Europe/Moscow or UTC",
        default: DEFAULT_TIME_ZONE,
        help: "the zone that dates are read and shown in",
        parse: |text| TimeZone::get(text).ok().map(Value::TimeZone),
    },
    SettingInfo {
        name: "same_order_hours",
        values: "hours; 0: never",
        default: "24",
        help: "CreateOrder refuses an order that equals one of so many hours before which is not paid (601)",
        parse: |text| text.parse().ok().map(Value::SameOrderHours),
    },
    SettingInfo {
        name: "createorder_result",
        values: "bill_id | empty",
        default: "bill_id",
        help: "what createorder answers: the order's number, or the bare [] of the documentation",
        parse: |text| match text {
            "bill_id" => Some(Value::CreateOrderResult(CreateOrderResult::BillId)),
            "empty" => Some(Value::CreateOrderResult(CreateOrderResult::Empty)),
            _ => None,
        },
    },
    SettingInfo {
        name: "updategood_sum",
        values: "keep | zero",
        default: "keep",
        help: "UpdateGood without good_sum: the price stays, or becomes zero as the documentation warns",
        parse: |text| match text {
            "keep" => Some(Value::UpdateGoodSum(UpdateGoodSum::Keep)),
            "zero" => Some(Value::UpdateGoodSum(UpdateGoodSum::Zero)),
            _ => None,
        },
    },
    SettingInfo {
        name: "getorders_max",
        values: "orders; 0: no limit",
        default: "0",
        help: "the most orders that GetOrders gives, those with the highest numbers",
        parse: |text| text.parse().ok().map(Value::GetOrdersMax),
    },
    SettingInfo {
        name: "kupon_on_named_sum",
        values: "no | yes",
        default: "no",
        help: "a coupon takes something off a price that the call names, too",
        parse: |text| match text {
            "no" => Some(Value::KuponOnNamedSum(false)),
            "yes" => Some(Value::KuponOnNamedSum(true)),
            _ => None,
        },
    },
    SettingInfo {
        name: "timer_kill_default",
        values: "never | goods",
        default: "never",
        help: "CreateOrder without bill_timer_kill: the order never cancels itself, or does as its products' timers say",
        parse: |text| match text {
            "never" => Some(Value::TimerKillDefault(TimerKillDefault::Never)),
            "goods" => Some(Value::TimerKillDefault(TimerKillDefault::Goods)),
            _ => None,
        },
    },
    SettingInfo {
        name: "link_scheme",
        values: "auto | http | https",
        default: "auto",
        help: "how a new order's link to bill_domain begins; 'auto': https if the server has a certificate, or a trusted proxy says so",
        parse: |text| match text {
            "auto" => Some(Value::LinkScheme(LinkScheme::Auto)),
            "http" => Some(Value::LinkScheme(LinkScheme::Http)),
            "https" => Some(Value::LinkScheme(LinkScheme::Https)),
            _ => None,
        },
    },
];

#[derive(Debug, Clone)]
enum Value {
    GetBillsEmpty(GetBillsEmpty),
    TextCase(TextCase),
    AllowIps(Vec<IpNet>),
    Rate(u32),
    TimeZone(TimeZone),
    SameOrderHours(u32),
    CreateOrderResult(CreateOrderResult),
    UpdateGoodSum(UpdateGoodSum),
    GetOrdersMax(u32),
    KuponOnNamedSum(bool),
    TimerKillDefault(TimerKillDefault),
    LinkScheme(LinkScheme),
}

/// One setting with a value that it takes.
#[derive(Debug, Clone)]
pub struct Setting {
    name: &'static str,
    text: String,
    value: Value,
}

/// Why a setting was not taken; the text says what would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError(String);

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingError {}

impl Setting {
    /// Reads a setting.
    pub fn parse(name: &str, value: &str) -> Result<Self, SettingError> {
        let Some(info) = SETTINGS.iter().find(|info| info.name == name) else {
            let names: Vec<_> = SETTINGS.iter().map(|info| info.name).collect();
            return Err(SettingError(format!("no setting {name:?}: there are {}", names.join(", "))));
        };
        let text = value.trim();
        match (info.parse)(text) {
            Some(value) => Ok(Self { name: info.name, text: text.to_owned(), value }),
            None => Err(SettingError(format!("{name} does not take {text:?}: it takes {}", info.values))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its value as it was written.
    pub fn value(&self) -> &str {
        &self.text
    }
}

impl Settings {
    /// Takes a setting over.
    pub fn apply(&mut self, setting: &Setting) {
        match setting.value.clone() {
            Value::GetBillsEmpty(value) => self.getbills_empty = value,
            Value::TextCase(value) => self.text_case = value,
            Value::AllowIps(value) => self.allow_ips = value,
            Value::Rate(value) => self.rate = value,
            Value::TimeZone(value) => self.time_zone = value,
            Value::SameOrderHours(value) => self.same_order_hours = value,
            Value::CreateOrderResult(value) => self.createorder_result = value,
            Value::UpdateGoodSum(value) => self.updategood_sum = value,
            Value::GetOrdersMax(value) => self.getorders_max = value,
            Value::KuponOnNamedSum(value) => self.kupon_on_named_sum = value,
            Value::TimerKillDefault(value) => self.timer_kill_default = value,
            Value::LinkScheme(value) => self.link_scheme = value,
        }
    }

    /// Every setting by name, as [`Setting::parse`] reads it.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let getbills_empty = match self.getbills_empty {
            GetBillsEmpty::Error => "error",
            GetBillsEmpty::Ok => "ok",
        };
        let text_case = match self.text_case {
            TextCase::Sentence => "sentence",
            TextCase::Lower => "lower",
        };
        let createorder_result = match self.createorder_result {
            CreateOrderResult::BillId => "bill_id",
            CreateOrderResult::Empty => "empty",
        };
        let updategood_sum = match self.updategood_sum {
            UpdateGoodSum::Keep => "keep",
            UpdateGoodSum::Zero => "zero",
        };
        let timer_kill_default = match self.timer_kill_default {
            TimerKillDefault::Never => "never",
            TimerKillDefault::Goods => "goods",
        };
        let link_scheme = match self.link_scheme {
            LinkScheme::Auto => "auto",
            LinkScheme::Http => "http",
            LinkScheme::Https => "https",
        };
        let allow_ips: Vec<_> = self.allow_ips.iter().map(IpNet::to_string).collect();
        vec![
            ("getbills_empty", getbills_empty.to_owned()),
            ("text_case", text_case.to_owned()),
            ("allow_ips", allow_ips.join(",")),
            ("rate", self.rate.to_string()),
            ("time_zone", self.time_zone.iana_name().unwrap_or("UTC").to_owned()),
            ("same_order_hours", self.same_order_hours.to_string()),
            ("createorder_result", createorder_result.to_owned()),
            ("updategood_sum", updategood_sum.to_owned()),
            ("getorders_max", self.getorders_max.to_string()),
            ("kupon_on_named_sum", if self.kupon_on_named_sum { "yes" } else { "no" }.to_owned()),
            ("timer_kill_default", timer_kill_default.to_owned()),
            ("link_scheme", link_scheme.to_owned()),
        ]
    }
}

/// A network, or one address as a network of its own.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| {
        text.parse::<std::net::IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()))
    })?;
    Some(network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_read_back_as_themselves() {
        let mut settings = Settings::default();
        let shown = settings.shown();
        for ((name, value), info) in shown.iter().zip(SETTINGS) {
            assert_eq!(*name, info.name);
            assert_eq!(*value, info.default);
            settings.apply(&Setting::parse(name, value).unwrap());
        }
        assert_eq!(shown.len(), SETTINGS.len());
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn values_are_taken_or_refused_with_what_would_do() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("getbills_empty", "ok"),
            ("text_case", "lower"),
            ("allow_ips", "203.0.113.7/32,2001:db8::/32"),
            ("rate", "600"),
            ("time_zone", "Asia/Tokyo"),
            ("same_order_hours", "0"),
            ("createorder_result", "empty"),
            ("updategood_sum", "zero"),
            ("getorders_max", "1000"),
            ("kupon_on_named_sum", "yes"),
            ("timer_kill_default", "goods"),
            ("link_scheme", "https"),
        ] {
            settings.apply(&Setting::parse(name, value).unwrap());
            assert!(settings.shown().contains(&(name, value.to_owned())), "{name}");
        }
        let error = Setting::parse("rate", "many").unwrap_err().to_string();
        assert_eq!(
            error,
            "rate does not take \"many\": it takes requests a minute from one address; 0: no limit"
        );
        let error = Setting::parse("emptyy", "ok").unwrap_err().to_string();
        assert_eq!(
            error,
            "no setting \"emptyy\": there are getbills_empty, text_case, allow_ips, rate, time_zone, same_order_hours, createorder_result, \
             updategood_sum, getorders_max, kupon_on_named_sum, timer_kill_default, link_scheme"
        );
        for (name, value) in
            [("allow_ips", "here"), ("rate", "-1"), ("time_zone", "Moscow"), ("text_case", "UPPER")]
        {
            assert!(Setting::parse(name, value).is_err(), "{name}");
        }
    }

    #[test]
    fn one_address_is_a_network() {
        assert_eq!(network("10.1.2.3"), network("10.1.2.3/32"));
        assert_eq!(network("10.1.2.3/8"), network("10.0.0.0/8"));
    }
}
