//! A synthetic seller: products, customers and orders, each from a random stream of its own.

use billhook_store::{
    orders::{Handling, Line, Order, TextField, Texts},
    products::Listing,
};
use billhook_wire::{Email, GoodId, Money, OrderId, PayStatus, email::EmailError};

use super::{
    Plan,
    dice::{Dice, Stream},
};

/// 1 January 2026, 00:00 UTC, the end of the orders' times. With a clock every run would differ.
const END: i64 = 1_767_225_600;
const SPAN_SECONDS: u64 = 5 * 365 * 86_400;

const KINDS: [&str; 8] =
    ["Курс", "Тренинг", "Вебинар", "Мастер-класс", "Марафон", "Книга", "Консультация", "Закрытый клуб"];
const TOPICS: [&str; 12] = [
    "Фотография с нуля",
    "Деньги без долгов",
    "Английский за завтраком",
    "Продажи в переписке",
    "Йога дома",
    "Сад и огород",
    "Вязание спицами",
    "Запуск своего дела",
    "Выпечка на закваске",
    "Уверенный голос",
    "Таблицы без боли",
    "Рисунок акварелью",
];
const MEN: [&str; 8] = ["Александр", "Дмитрий", "Сергей", "Андрей", "Иван", "Михаил", "Николай", "Олег"];
const WOMEN: [&str; 8] = ["Анна", "Елена", "Мария", "Ольга", "Наталья", "Татьяна", "Ирина", "Светлана"];
/// A woman's surname has an additional а.
const SURNAMES: [&str; 10] = [
    "Иванов",
    "Смирнов",
    "Кузнецов",
    "Попов",
    "Соколов",
    "Лебедев",
    "Козлов",
    "Новиков",
    "Морозов",
    "Волков",
];
const CITIES: [(&str, &str); 6] = [
    ("Москва", "Москва"),
    ("Санкт-Петербург", "Санкт-Петербург"),
    ("Казань", "Татарстан"),
    ("Новосибирск", "Новосибирская область"),
    ("Екатеринбург", "Свердловская область"),
    ("Пермь", "Пермский край"),
];
const STREETS: [&str; 6] = ["Лесная", "Садовая", "Советская", "Школьная", "Набережная", "Мира"];
const WAYS: [&str; 4] = ["card", "sbp", "yoomoney", "bank"];
const SOURCES: [&str; 4] = ["vk", "yandex", "telegram", "email"];
const COMMENTS: [&str; 4] =
    ["Позвоните после 18:00", "Оплачу в пятницу", "Нужен чек на почту", "Второй раз у вас, спасибо!"];

pub(super) struct Catalogue {
    plan: Plan,
    products: Vec<Listing>,
}

impl Catalogue {
    /// Makes the catalogue. Products that `known` finds by name are reused; others get numbers from `free`
    /// on.
    pub(super) fn new(plan: Plan, known: impl Fn(&str) -> Option<Listing>, free: GoodId) -> Self {
        let mut next = free.0;
        let products = (1..=u64::from(plan.products)).map(|index| {
            let good_name = format!("good-{index}");
            known(&good_name).unwrap_or_else(|| {
                let mut dice = Dice::new(plan.seed, Stream::Product(index));
                let id = GoodId(next);
                next += 1;
                let good_title = format!("{} «{}», выпуск {index}", dice.pick(&KINDS), dice.pick(&TOPICS));
                let rubles = 490 + 100 * dice.below(300);
                Listing {
                    id,
                    good_name,
                    good_title,
                    good_sum: Money::from_kopecks(rubles.cast_signed() * 100),
                }
            })
        });
        Self { plan, products: products.collect() }
    }

    /// The catalogue, which has at least one product.
    pub(super) fn products(&self) -> &[Listing] {
        &self.products
    }

    /// The order at position `index`, with the number `id`.
    pub(super) fn order(&self, index: u64, id: OrderId) -> Result<Order, EmailError> {
        let mut dice = Dice::new(self.plan.seed, Stream::Order(index));
        let customer = 1 + dice.below(self.plan.customers);
        let created = self.created(index, &mut dice);
        let pay_status = match dice.below(100) {
            0..60 => PayStatus::Paid,
            60..85 => PayStatus::Waiting,
            85..97 => PayStatus::Cancel,
            _ => PayStatus::Return,
        };
        let paid = match pay_status {
            PayStatus::Paid | PayStatus::Return => created + dice.below(3 * 86_400).cast_signed(),
            PayStatus::Waiting | PayStatus::Cancel => 0,
        };
        let is_recurrent = dice.percent(3);
        let mut texts = self.customer(customer);
        let coupon = dice.percent(10);
        if coupon {
            texts.set(TextField::Kupon, "SALE10");
        }
        if paid > 0 {
            texts.set(TextField::Payway, dice.pick(&WAYS));
        }
        if dice.percent(40) {
            texts.set(TextField::UtmSource, dice.pick(&SOURCES));
            texts.set(TextField::UtmMedium, "cpc");
            texts.set(TextField::UtmCampaign, format!("campaign-{}", 1 + dice.below(50)));
        }
        if dice.percent(5) {
            texts.set(TextField::Comment, dice.pick(&COMMENTS));
        }
        let email = Some(Email::parse(&format!("customer{customer}@example.com"))?);
        let lines = self.lines(coupon, &mut dice);
        Ok(Order {
            id,
            email,
            pay_status,
            created,
            paid,
            is_recurrent,
            handling: Handling::default(),
            texts,
            lines,
        })
    }

    /// Times rise with the numbers, evenly but for a small random part.
    fn created(&self, index: u64, dice: &mut Dice) -> i64 {
        let step = (SPAN_SECONDS / self.plan.orders).max(1);
        let place = u128::from(SPAN_SECONDS) * u128::from(index) / u128::from(self.plan.orders);
        let after_begin = u64::try_from(place).unwrap_or(SPAN_SECONDS) + dice.below(step);
        END - SPAN_SECONDS.cast_signed() + after_begin.min(SPAN_SECONDS).cast_signed()
    }

    fn customer(&self, customer: u64) -> Texts {
        let mut dice = Dice::new(self.plan.seed, Stream::Customer(customer));
        let mut texts = Texts::default();
        let mut surname = dice.pick(&SURNAMES).to_owned();
        let name = if dice.percent(50) {
            surname.push('а');
            dice.pick(&WOMEN)
        } else {
            dice.pick(&MEN)
        };
        texts.set(TextField::FirstName, name);
        texts.set(TextField::LastName, surname);
        texts.set(TextField::Phone, format!("+79{:09}", dice.below(1_000_000_000)));
        texts.set(TextField::Ip, format!("198.51.100.{}", dice.below(256)));
        if dice.percent(30) {
            let (city, region) = usize::try_from(dice.below(CITIES.len() as u64))
                .ok()
                .and_then(|place| CITIES.get(place))
                .copied()
                .unwrap_or_default();
            texts.set(TextField::Country, "Россия");
            texts.set(TextField::Region, region);
            texts.set(TextField::City, city);
            texts.set(TextField::Postalcode, (100_000 + dice.below(500_000)).to_string());
            let address = format!(
                "ул. {}, д. {}, кв. {}",
                dice.pick(&STREETS),
                1 + dice.below(120),
                1 + dice.below(300)
            );
            texts.set(TextField::Address, address);
        }
        texts
    }

    /// One to four different products, two on average.
    fn lines(&self, coupon: bool, dice: &mut Dice) -> Vec<Line> {
        let count = match dice.below(10) {
            0..4 => 1,
            4..7 => 2,
            7..9 => 3,
            _ => 4,
        };
        let products = self.products.len();
        let first = usize::try_from(dice.below(products as u64)).unwrap_or(0);
        (first..first + count.min(products))
            .filter_map(|place| self.products.get(place % products))
            .map(|product| {
                let price = product.good_sum;
                let sum = if coupon { Money::from_kopecks(price.kopecks() / 10 * 9) } else { price };
                let (good_name, good_title) = (product.good_name.clone(), product.good_title.clone());
                Line {
                    good_id: product.id,
                    good_name,
                    good_title,
                    sum,
                    price,
                    pincode: String::new(),
                    partner_fee: Money::ZERO,
                    partner_pfee: Money::ZERO,
                }
            })
            .collect()
    }
}
