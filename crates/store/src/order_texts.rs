//! The text fields of an order.

use crate::text_fields::text_fields;

text_fields! {
    /// A text field of an order (sections 4.1, 5 and 9.9).
    TextField;
    /// An order's text fields; those that were not given are empty.
    Texts;
    /// First name.
    FirstName = "first_name",
    /// Surname.
    LastName = "last_name",
    /// Patronymic or middle name.
    MiddleName = "middle_name",
    /// Phone.
    Phone = "phone",
    /// Delivery: country.
    Country = "country",
    /// Delivery: region.
    Region = "region",
    /// Delivery: city.
    City = "city",
    /// Delivery: address.
    Address = "address",
    /// Delivery: postal code.
    Postalcode = "postalcode",
    /// The customer's comment.
    Comment = "comment",
    /// A free tag.
    Tag = "tag",
    /// The coupon that was used.
    Kupon = "kupon",
    /// The customer's IP address.
    Ip = "ip",
    /// The domain that took the order.
    Domain = "domain",
    /// The payment page.
    Link = "link",
    /// The type of order.
    Type = "type",
    /// The way of payment.
    Payway = "payway",
    /// The parcel's tracking number.
    Rpo = "rpo",
    /// Mark: channel.
    UtmMedium = "utm_medium",
    /// Mark: source.
    UtmSource = "utm_source",
    /// Mark: campaign.
    UtmCampaign = "utm_campaign",
    /// Mark: ad.
    UtmContent = "utm_content",
    /// Mark: keyword.
    UtmTerm = "utm_term",
    /// Affiliate's mark: channel.
    AffMedium = "aff_medium",
    /// Affiliate's mark: source.
    AffSource = "aff_source",
    /// Affiliate's mark: campaign.
    AffCampaign = "aff_campaign",
    /// Affiliate's mark: ad.
    AffContent = "aff_content",
    /// Affiliate's mark: keyword.
    AffTerm = "aff_term",
    /// Partner: number.
    Aff = "aff",
    /// Partner: login.
    AffName = "aff_name",
    /// Partner of the second level: number.
    Paff = "paff",
    /// Partner of the second level: login.
    PaffName = "paff_name",
    /// Ad label: number.
    AdId = "ad_id",
    /// Partners' logins by level, with commas between, as they were given.
    Affiliates = "affiliates",
    /// Delivery: phone.
    ShippingPhone = "shipping_phone",
    /// Delivery: second line of the address.
    Address2 = "address_2",
    /// Billing: country.
    BillingCountry = "billing_country",
    /// Billing: region.
    BillingRegion = "billing_region",
    /// Billing: city.
    BillingCity = "billing_city",
    /// Billing: address.
    BillingAddress = "billing_address",
    /// Billing: second line of the address.
    BillingAddress2 = "billing_address_2",
    /// Billing: postal code.
    BillingPostalcode = "billing_postalcode",
    /// A note of the seller's.
    Note = "note",
}
