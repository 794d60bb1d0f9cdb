//! The methods about managers (section 9.8).

use billhook_store::managers;
use billhook_wire::method::{GetPersonalManagers, ManagerInfo};

use crate::{failure::Failure, methods::context::Context};

pub(crate) fn get_personal_managers(
    cx: &mut Context<'_, '_>,
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
