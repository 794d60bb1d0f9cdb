//! The methods that list what a shop has beside its products (sections 9.7 and 9.8).

use billhook_store::{coupons, managers};
use billhook_wire::method::{CouponInfo, GetCoupons, GetPersonalManagers, ManagerInfo};

use crate::{failure::Failure, methods::cx::Cx};

/// Answers `getcoupons`.
pub(crate) fn get_coupons(cx: &mut Cx<'_, '_>, _: &GetCoupons) -> Result<Vec<CouponInfo>, Failure> {
    let coupons = coupons::list(cx.tx, cx.account)?;
    Ok(coupons.into_iter().map(|coupon| CouponInfo { id: coupon.id, coupon: coupon.coupon }).collect())
}

/// Answers `getpersonalmanagers`.
pub(crate) fn get_personal_managers(
    cx: &mut Cx<'_, '_>,
    _: &GetPersonalManagers,
) -> Result<Vec<ManagerInfo>, Failure> {
    let managers = managers::list(cx.tx, cx.account)?;
    let shown = managers.into_iter().map(|manager| ManagerInfo {
        id: manager.id,
        manager_id: manager.id,
        manager_name: manager.name,
    });
    Ok(shown.collect())
}
