//! Statements whose text never changes, so that PostgreSQL plans them once a connection.
//!
//! diesel's `sql_query` is planned anew at each run; these carry a static query id instead. In
//! the text each `?` is a bind, in order. A whole set is one bind: an array.

/// Declares a statement for PostgreSQL: its name, text, binds and row.
macro_rules! prepared {
    (
        $(#[$doc:meta])*
        $name:ident($($bind:ident: $rust:ty => $sql:ty),* $(,)?) -> $row:ty = $text:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        struct $name<'a> {
            $($bind: &'a $rust,)*
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $row;
        }

        impl diesel::RunQueryDsl<diesel::pg::PgConnection> for $name<'_> {}

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut pieces = $text.split('?');
                out.push_sql(pieces.next().unwrap_or_default());
                $(
                    out.push_bind_param::<$sql, _>(self.$bind)?;
                    out.push_sql(pieces.next().unwrap_or_default());
                )*
                Ok(())
            }
        }
    };
}

pub(crate) use prepared;
