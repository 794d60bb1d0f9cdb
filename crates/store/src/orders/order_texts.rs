//! The text fields of an order.

use crate::table::text_fields::text_fields;

text_fields! {
    /// A text field of an order (sections 4.1, 5 and 9.9).
    TextField;
    /// An order's text fields; missing ones are empty.
    Texts;
    FirstName = "first_name",
    LastName = "last_name",
    MiddleName = "middle_name",
    Phone = "phone",
    Country = "country",
    Region = "region",
    City = "city",
    Address = "address",
    Postalcode = "postalcode",
    Comment = "comment",
    Tag = "tag",
    Kupon = "kupon",
    Ip = "ip",
    Domain = "domain",
    Link = "link",
    Type = "type",
    Payway = "payway",
    Rpo = "rpo",
    UtmMedium = "utm_medium",
    UtmSource = "utm_source",
    UtmCampaign = "utm_campaign",
    UtmContent = "utm_content",
    UtmTerm = "utm_term",
    AffMedium = "aff_medium",
    AffSource = "aff_source",
    AffCampaign = "aff_campaign",
    AffContent = "aff_content",
    AffTerm = "aff_term",
    Aff = "aff",
    AffName = "aff_name",
    Paff = "paff",
    PaffName = "paff_name",
    AdId = "ad_id",
    Affiliates = "affiliates",
    ShippingPhone = "shipping_phone",
    Address2 = "address_2",
    BillingCountry = "billing_country",
    BillingRegion = "billing_region",
    BillingCity = "billing_city",
    BillingAddress = "billing_address",
    BillingAddress2 = "billing_address_2",
    BillingPostalcode = "billing_postalcode",
    Note = "note",
}
