# What of a BPF object is ABI, as lines: from `bpftool btf dump -j`. Marks and what they
# stand at; variables and maps; the layout of what programs and the daemon both touch.
.types as $all
| ($all | map({key: (.id | tostring), value: .}) | from_entries) as $by
| def bare($id): $by[$id | tostring] | if .kind | IN("CONST", "VOLATILE", "TYPEDEF") then bare(.type_id) else . end;
  def place($s): ($s.members // [])[] | "\($s.kind | ascii_downcase) \($s.name) \(.name) at \(.bits_offset)";
  ($all[] | select(.kind == "DECL_TAG")
   | "tag \($by[.type_id | tostring] | .name)\(if .component_idx < 4294967295 and .component_idx >= 0
	then "." + ($by[.type_id | tostring].members[.component_idx].name) else "" end) \(.name)"),
  ($all[] | select(.kind == "DATASEC") | .name as $section | .vars[]
   | $by[.type_id | tostring] as $v | select($v.name | startswith("ti_"))
   | "\($section) \($v.name) of \(if $section == ".maps" then "map" else "\(.size) bytes" end)"),
  ($all[] | select(.kind == "STRUCT" and (.name | IN("ti_record", "ti_counters", "ti_filter_set", "ti_filter_key",
	"ti_filter_lists", "ti_addr", "ti_prefix"))) | place(.)),
  ($all[] | select(.kind == "VAR" and .name == "ti_fed") | bare(.type_id) | .name = "ti_fed" | place(.))
