/**
 * What the database's own functions do with their arguments. A function that is in none of these lists, or that the database's
 * owner made, is not assumed harmless: its result is opaque, and it may reach anything.
 */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The result tells nothing of single values. */
const REVEALS_NOTHING = new Set(words("count row_number rank dense_rank percent_rank cume_dist ntile"));

/** The result does not depend on stored data, or only on the session's own state. */
const NO_DATA = new Set(
  words(`
  now clock_timestamp statement_timestamp transaction_timestamp timeofday random random_normal gen_random_uuid uuidv4 uuidv7 version
  pg_backend_pid current_schema current_schemas current_database current_user session_user current_role user current_catalog
  pg_is_in_recovery pg_postmaster_start_time pg_conf_load_time inet_client_addr inet_client_port inet_server_addr inet_server_port
  pg_client_encoding getdatabaseencoding pg_encoding_to_char pg_char_to_encoding pg_my_temp_schema pg_is_other_temp_schema
  txid_current pg_current_xact_id txid_current_if_assigned pg_current_xact_id_if_assigned pg_jit_available pi
  pg_get_userbyid pg_table_is_visible pg_type_is_visible pg_function_is_visible pg_operator_is_visible pg_opclass_is_visible
  pg_conversion_is_visible pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
  pg_collation_is_visible pg_statistics_obj_is_visible pg_opfamily_is_visible
  format_type pg_get_indexdef pg_get_constraintdef pg_get_keywords pg_get_function_arguments pg_get_function_identity_arguments
  pg_get_function_result pg_get_function_sqlbody pg_get_triggerdef pg_get_partkeydef pg_get_ruledef pg_get_viewdef
  pg_get_functiondef pg_get_function_arg_default pg_get_statisticsobjdef pg_get_expr pg_get_partition_constraintdef
  pg_get_statisticsobjdef_columns pg_get_serial_sequence pg_index_column_has_property pg_indexam_has_property pg_index_has_property
  pg_partition_tree pg_partition_root pg_partition_ancestors pg_relation_is_publishable pg_relation_size pg_table_size pg_total_relation_size
  pg_indexes_size pg_database_size pg_tablespace_size pg_size_pretty pg_size_bytes pg_tablespace_location pg_options_to_table
  has_table_privilege has_column_privilege has_any_column_privilege has_schema_privilege has_database_privilege has_function_privilege
  has_sequence_privilege has_type_privilege has_language_privilege has_tablespace_privilege has_foreign_data_wrapper_privilege
  has_server_privilege has_parameter_privilege pg_has_role row_security_active
  to_regclass to_regtype to_regproc to_regprocedure to_regoper to_regoperator to_regnamespace to_regrole to_regcollation
  obj_description col_description shobj_description aclexplode acldefault makeaclitem pg_describe_object pg_identify_object
  pg_identify_object_as_address pg_get_object_address pg_typeof pg_column_is_updatable pg_relation_is_updatable pg_filenode_relation
  pg_relation_filenode pg_blocking_pids pg_safe_snapshot_blocking_pids
  generate_series generate_subscripts make_date make_time make_timestamp make_timestamptz make_interval
`),
);

/** The arguments' values flow into the result. */
const PASSES = new Set(
  words(`
  abs acos acosd acosh age any_value array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
  array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort array_to_json array_to_string
  array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit_and bit_count bit_length bit_or bit_xor bool_and bool_or
  btrim cardinality cbrt ceil ceiling char_length character_length chr coalesce concat concat_ws convert convert_from convert_to corr cos cosd
  cosh cot cotd covar_pop covar_samp crc32 crc32c date date_add date_bin date_part date_subtract date_trunc decode degrees div encode
  erf erfc every exp extract factorial family first_value float4 float8 floor format gamma gcd get_bit get_byte greatest host hostmask initcap
  inet_merge inet_same_family int2 int4 int8 isfinite json_agg json_agg_strict json_array_elements json_array_elements_text json_array_length json_build_array
  json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object json_object_agg json_object_agg_strict
  json_object_agg_unique json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record json_to_recordset
  json_typeof jsonb_agg jsonb_agg_strict jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
  jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys
  jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record
  jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
  justify_days justify_hours justify_interval lag last_value lcm lead least left length lgamma ln log log10 lower lower_inc lower_inf lpad ltrim masklen
  max md5 min min_scale mod mode network normalize nth_value nullif num_nonnulls num_nulls numeric octet_length overlay parse_ident percentile_cont
  percentile_disc pg_column_compression pg_column_size position power quote_ident quote_literal quote_nullable radians range_agg range_intersect_agg
  range_merge regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table
  regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round
  row_to_json rpad rtrim scale set_bit set_byte set_masklen setweight sha224 sha256 sha384 sha512 sign similarity sin sind sinh split_part sqrt
  starts_with stddev stddev_pop stddev_samp string_agg string_to_array string_to_table strip strpos substr substring substring_similar sum tan tand
  tanh text timezone to_ascii to_char to_date to_hex to_bin to_oct to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector plainto_tsquery phraseto_tsquery
  websearch_to_tsquery translate trim trim_array trim_scale trunc ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsvector_to_array
  unicode_assigned unistr unnest upper upper_inc upper_inf uuid_extract_timestamp uuid_extract_version var_pop var_samp variance varchar width_bucket
  xmlagg xmlcomment xmlconcat xpath xpath_exists lower_inc isempty multirange pg_collation_for casefold
  timestamp timestamptz time timetz interval like_escape
`),
);

/** Change the session's or the database's state; with constants they are what they say, with a masked value they are a register. */
const STATEFUL = new Set(
  words(`
  nextval currval lastval setval set_config current_setting pg_notify pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock
  pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock
  pg_try_advisory_lock_shared pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_sleep pg_sleep_for pg_sleep_until
  pg_cancel_backend pg_terminate_backend setseed
`),
);
/** Of those, the ones that leave everything as it is. */
const STATEFUL_READ_ONLY = new Set(words("current_setting currval lastval"));

/** Of those that pass values on, the ones that give as many rows as the values say. */
const ROWS_BY_VALUE = new Set(
  words(`
  json_array_elements json_array_elements_text json_each json_each_text json_object_keys json_populate_recordset json_to_recordset
  jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text jsonb_object_keys jsonb_path_query
  jsonb_populate_recordset jsonb_to_recordset regexp_matches regexp_split_to_table string_to_table unnest
`),
);
export const givesRowsByValue = (name: string): boolean => ROWS_BY_VALUE.has(name);

export type FunctionClass = "nothing" | "no-data" | "passes" | "stateful" | "opaque";

/** `schema` is null for an unqualified name. */
export function classOfFunction(
  schema: string | null,
  name: string,
  isUserFunction: (name: string) => boolean,
): FunctionClass {
  // Helpers of the information schema, which drivers call to read keys: they only take their arguments apart.
  if (schema === "information_schema" && name.startsWith("_pg_")) return "passes";
  if (schema !== null && schema !== "pg_catalog") return "opaque";
  // A function of the same name elsewhere on the path may be the better match for these argument types.
  if (schema === null && isUserFunction(name)) return "opaque";
  if (REVEALS_NOTHING.has(name)) return "nothing";
  if (NO_DATA.has(name)) return "no-data";
  if (PASSES.has(name)) return "passes";
  if (STATEFUL.has(name)) return "stateful";
  return "opaque";
}

export const changesState = (name: string): boolean => STATEFUL.has(name) && !STATEFUL_READ_ONLY.has(name);

/** Catalog relations that show data, statements or settings of others. */
export const TELLING_RELATIONS: ReadonlySet<string> = new Set([
  "pg_stats",
  "pg_stats_ext",
  "pg_stats_ext_exprs",
  "pg_statistic",
  "pg_statistic_ext_data",
  "pg_stat_activity",
  "pg_stat_statements",
  "pg_prepared_statements",
  "pg_cursors",
  "pg_largeobject",
  "pg_stat_progress_copy",
  "pg_authid",
  "pg_shadow",
  "pg_user_mapping",
  "pg_user_mappings",
  "pg_subscription",
  "pg_hba_file_rules",
  "pg_file_settings",
  "pg_sequences",
]);
