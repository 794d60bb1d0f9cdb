//! The methods about coupons (section 9.7).

use billhook_store::products::coupons;
use billhook_wire::method::{CouponInfo, GetCoupons};

use crate::{failure::Failure, methods::context::Context};

pub(crate) fn get_coupons(cx: &mut Context<'_, '_>, _: &GetCoupons) -> Result<Vec<CouponInfo>, Failure> {
    let coupons = coupons::list(cx.tx, cx.account)?;
    Ok(coupons.into_iter().map(|coupon| CouponInfo { id: coupon.id, coupon: coupon.coupon }).collect())
}
