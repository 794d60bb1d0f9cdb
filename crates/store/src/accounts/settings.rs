//! An account's settings: one table of names, each with its type, its default, its values and its help.

use billhook_wire::TextCase;
use ipnet::IpNet;
use jiff::tz::TimeZone;
use url::Host;

/// A setting's type, read from text and shown as text.
trait Value: Sized {
    fn parse(text: &str) -> Option<Self>;
    fn show(&self) -> String;
}

/// The description of a setting.
#[derive(Debug)]
pub struct SettingInfo {
    /// Its name.
    pub name: &'static str,
    /// Its values, for people.
    pub values: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Both in Russian.
    pub russian: (&'static str, &'static str),
    /// Takes a value over, if it is one.
    take: fn(&mut Settings, &str) -> Option<()>,
    show: fn(&Settings) -> String,
}

impl SettingInfo {
    /// Its default.
    pub fn default(&self) -> String {
        (self.show)(&Settings::default())
    }

    /// Its words, if its values are words.
    pub fn words(&self) -> Option<impl Iterator<Item = &'static str> + use<>> {
        self.values.contains(" | ").then(|| self.values.split(" | "))
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = $default:expr, $values:literal, $help:literal, $russian:expr;)+) => {
        /// An account's settings, with defaults for the missing ones.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $($(#[$doc])+ pub $name: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default),+ }
            }
        }

        /// Every setting.
        pub const SETTINGS: &[SettingInfo] = &[$(SettingInfo {
            name: stringify!($name),
            values: $values,
            help: $help,
            russian: $russian,
            take: |settings, text| Value::parse(text).map(|value| settings.$name = value),
            show: |settings| settings.$name.show(),
        }),+];
    };
}

settings! {
    /// The answer of `GetBills` without orders (decision 21).
    getbills_empty: GetBillsEmpty = GetBillsEmpty::Error, "error | ok",
        "GetBills finds nothing: code 400, or code 0 with an empty list",
        ("error | ok", "Что отвечает GetBills, если заказов нет: error — код 400, ok — код 0 и пустой список.");
    /// The letter case of `error_text` (decision 7).
    text_case: TextCase = TextCase::Sentence, "sentence | lower",
        "letter case of error_text; 'lower' breaks clients that compare with `OK`",
        ("sentence | lower", "Регистр букв в error_text. С lower ломаются программы, которые сравнивают ответ с «OK».");
    /// The addresses that may call; empty: all.
    allow_ips: Vec<IpNet> = Vec::new(),
        "addresses and networks with commas between, such as 203.0.113.7,10.0.0.0/8; empty: all",
        "who may call; anyone else gets code 6",
        ("адреса и сети через запятую, например 203.0.113.7,10.0.0.0/8; пусто: все", "Кто может вызывать API. Остальные получают код 6.");
    /// Requests per minute from one address; 0: no limit.
    rate: u32 = 0, "requests a minute from one address; 0: no limit", "beyond it a caller gets code 8",
        ("вызовов в минуту с одного адреса; 0: без ограничения", "Сверх этого вызывающий получает код 8.");
    /// The time zone for dates.
    time_zone: TimeZone = TimeZone::get("Europe/Moscow").unwrap_or(TimeZone::UTC),
        "a zone of the IANA database, such as Europe/Moscow or UTC", "the zone that dates are read and shown in",
        ("пояс из базы IANA, например Europe/Moscow или UTC", "В каком часовом поясе читаются и показываются даты.");
    /// For how many hours an equal order counts as repeated (decision 17); 0: never.
    same_order_hours: u32 = 24, "hours; 0: never",
        "CreateOrder refuses an order that equals one of so many hours before which is not paid (601)",
        ("часы; 0: никогда", "CreateOrder не создаёт заказ, если такой же, ещё не оплаченный, был за столько часов до него (код 601).");
    /// The answer of `createorder` (decision 34).
    createorder_result: CreateOrderResult = CreateOrderResult::BillId, "bill_id | empty",
        "what createorder answers: the order's number, or the bare [] of the documentation",
        ("bill_id | empty", "Что отвечает createorder: bill_id — номер заказа, empty — пустой [], как в документации.");
    /// The effect of `UpdateGood` without a price (decision 32).
    updategood_sum: UpdateGoodSum = UpdateGoodSum::Keep, "keep | zero",
        "UpdateGood without good_sum: the price stays, or becomes zero as the documentation warns",
        ("keep | zero", "UpdateGood без good_sum: keep — цена остаётся, zero — становится нулём, как предупреждает документация.");
    /// The maximum number of orders in `GetOrders`, the newest; 0: all.
    getorders_max: u32 = 0, "orders; 0: no limit",
        "the most orders that GetOrders gives, those with the highest numbers",
        ("заказы; 0: без ограничения", "Сколько заказов самое большее отдаёт GetOrders: последние по номеру.");
    /// Whether a coupon discounts a price that the caller sets (decision 77).
    kupon_on_named_sum: bool = false, "no | yes",
        "a coupon takes something off a price that the call names, too",
        ("no | yes", "Даёт ли купон скидку и с той цены, которую назвал вызов.");
    /// When an order of `CreateOrder` without `bill_timer_kill` cancels itself (decision 75).
    timer_kill_default: TimerKillDefault = TimerKillDefault::Never, "never | goods",
        "CreateOrder without bill_timer_kill: the order never cancels itself, or does as its products' timers say",
        ("never | goods", "CreateOrder без bill_timer_kill: never — заказ сам не отменяется, goods — отменяется по таймерам товаров.");
    /// The scheme of new orders' links (decision 47).
    link_scheme: LinkScheme = LinkScheme::Auto, "auto | http | https",
        "how a new order's link to bill_domain begins; 'auto': https if the server has a certificate, or a trusted proxy says so",
        ("auto | http | https", "Как начинается ссылка нового заказа на bill_domain. auto: https, если у сервера есть сертификат или так сказал доверенный прокси.");
    /// Whether orders of `createorder` are told of as events.
    createorder_events: CreateOrderEvents = CreateOrderEvents::On, "on | off",
        "whether webhooks and products' URLs are told of orders made by createorder; 'off' is for imports by it",
        ("on | off", "Сообщать ли вебхукам и адресам товаров о заказах, созданных через createorder. off — если им переносят старые заказы.");
    /// The hosts that `doneurl2` may lead to, besides those that are bound to the account (decision 26).
    doneurl_hosts: Hosts = Hosts(Vec::new()), "hosts with commas between, such as shop.example,www.shop.example; *: any",
        "where doneurl2 of AddLeadToGroup may lead, besides the hosts that are bound to the account",
        ("хосты через запятую, например shop.example,www.shop.example; *: любой", "Куда может вести doneurl2 в AddLeadToGroup, кроме доменов аккаунта.");
    /// The time in the hash of a created order's notification (decision 36).
    notify_hash_time: NotifyHashTime = NotifyHashTime::Created, "created | paid-sample",
        "the hash of a new order's notification: over the time of its creation, or over no time as in the documentation's sample",
        ("created | paid-sample", "Хеш уведомления о новом заказе: created — со временем создания, paid-sample — без времени, как в примере из документации.");
}

/// When an order cancels itself, if the call does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKillDefault {
    /// Never.
    Never,
    /// After its products' timers.
    Goods,
}

/// The scheme of a link to a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkScheme {
    /// HTTPS if the server has its own certificate, or the client used HTTPS to a trusted proxy.
    Auto,
    /// HTTP.
    Http,
    /// HTTPS.
    Https,
}

/// The answer of `createorder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOrderResult {
    /// The order's number.
    BillId,
    /// The bare `[]` of the documentation.
    Empty,
}

/// Whether an order of `createorder` is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOrderEvents {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// The time in the hash of a created order's notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyHashTime {
    /// When the order was made, as the documentation's text says.
    Created,
    /// `paid`, which this notification lacks, as the documentation's sample says.
    PaidSample,
}

/// The effect of `UpdateGood` without a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateGoodSum {
    /// The price stays.
    Keep,
    /// The price becomes zero, as the documentation warns.
    Zero,
}

/// The answer of `GetBills` without orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GetBillsEmpty {
    /// Code 400.
    Error,
    /// Code 0 and an empty list.
    Ok,
}

/// Types whose values are words.
macro_rules! words {
    ($($type:ty: $($word:literal = $value:expr),+;)+) => {$(
        impl Value for $type {
            fn parse(text: &str) -> Option<Self> {
                [$(($word, $value)),+].into_iter().find(|(word, _)| *word == text).map(|(_, value)| value)
            }

            fn show(&self) -> String {
                [$(($word, $value)),+].into_iter().filter(|(_, value)| value == self).map(|(word, _)| word).collect()
            }
        }
    )+};
}

words! {
    GetBillsEmpty: "error" = Self::Error, "ok" = Self::Ok;
    TextCase: "sentence" = Self::Sentence, "lower" = Self::Lower;
    CreateOrderResult: "bill_id" = Self::BillId, "empty" = Self::Empty;
    UpdateGoodSum: "keep" = Self::Keep, "zero" = Self::Zero;
    bool: "no" = false, "yes" = true;
    TimerKillDefault: "never" = Self::Never, "goods" = Self::Goods;
    CreateOrderEvents: "on" = Self::On, "off" = Self::Off;
    NotifyHashTime: "created" = Self::Created, "paid-sample" = Self::PaidSample;
    LinkScheme: "auto" = Self::Auto, "http" = Self::Http, "https" = Self::Https;
}

impl Value for u32 {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for TimeZone {
    fn parse(text: &str) -> Option<Self> {
        Self::get(text).ok()
    }

    fn show(&self) -> String {
        self.iana_name().unwrap_or("UTC").to_owned()
    }
}

impl Value for Vec<IpNet> {
    fn parse(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect()
    }

    fn show(&self) -> String {
        self.iter().map(IpNet::to_string).collect::<Vec<_>>().join(",")
    }
}

/// Host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts(Vec<String>);

impl Hosts {
    const ANY: &str = "*";

    /// Whether this host is one of them.
    pub fn has(&self, host: &str) -> bool {
        self.0.iter().any(|known| known == host || known == Self::ANY)
    }
}

impl Value for Hosts {
    fn parse(text: &str) -> Option<Self> {
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let host = |host: &str| match host {
            Self::ANY => Some(host.to_owned()),
            _ => Host::parse(host).ok().map(|host| host.to_string()),
        };
        hosts.map(host).collect::<Option<_>>().map(Self)
    }

    fn show(&self) -> String {
        self.0.join(",")
    }
}

/// A setting with a valid value.
#[derive(Debug, Clone)]
pub struct Setting {
    info: &'static SettingInfo,
    text: String,
}

/// Why a setting was refused; the text names the valid values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

impl Setting {
    /// Parses a setting.
    pub fn parse(name: &str, value: &str) -> Result<Self, SettingError> {
        let Some(info) = SETTINGS.iter().find(|info| info.name == name) else {
            let names: Vec<_> = SETTINGS.iter().map(|info| info.name).collect();
            return Err(SettingError(format!("no setting {name:?}: there are {}", names.join(", "))));
        };
        let text = value.trim();
        match (info.take)(&mut Settings::default(), text) {
            Some(()) => Ok(Self { info, text: text.to_owned() }),
            None => Err(SettingError(format!("{name} does not take {text:?}: it takes {}", info.values))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.info.name
    }

    /// Its value as it was written.
    pub fn value(&self) -> &str {
        &self.text
    }
}

impl Settings {
    /// Applies a setting.
    pub fn apply(&mut self, setting: &Setting) {
        // It was parsed before, so it is a value.
        let _ = (setting.info.take)(self, &setting.text);
    }

    /// Every setting by name, in the form that [`Setting::parse`] reads.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        SETTINGS.iter().map(|info| (info.name, (info.show)(self))).collect()
    }
}

/// A network, or a single address.
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
        for (name, value) in &shown {
            settings.apply(&Setting::parse(name, value).unwrap());
        }
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
            ("createorder_events", "off"),
            ("notify_hash_time", "paid-sample"),
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
             updategood_sum, getorders_max, kupon_on_named_sum, timer_kill_default, link_scheme, createorder_events, doneurl_hosts, notify_hash_time"
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
