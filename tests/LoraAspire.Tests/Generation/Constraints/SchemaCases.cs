namespace LoraAspire.Tests.Generation.Constraints;

/// <summary>Schemas with texts that obey them and texts that don't.</summary>
internal sealed record SchemaCase(string Name, string Schema, string[] Valid, string[] Invalid)
{
    /// <summary>Whether chance finds an end, and the other validator counts letters as JSON Schema does.</summary>
    public bool Walks => Name is not ("a pattern anywhere" or "lengths" or "a long string");

    public static IReadOnlyList<SchemaCase> All { get; } =
    [
        new("any object", """{"type": "object"}""",
            ["{}", """{"a": 1}""", """{"a":[1,2, {"b":null}],"ü":"\u00e9\ud83d\ude00é😀\n"}""", """ {"a":-1.5e-10}""", """{"":""}"""],
            ["[]", "1", "\"a\"", "{\"a\"}", "{\"a\":1,}", "{'a':1}", "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\x\"}", "{\"a\":01}", "{\"a\":1.}",
                "{\"a\":  1}", "{ }", "{\"a\":\"\n\"}", "{}{}", "{} ", "\n\n\n{}", "{\"a\":tru}", "{\"a\":+1}"]),
        new("strict object", """
            {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
             "required": ["name", "age", "tags"], "additionalProperties": false}
            """,
            ["""{"name":"Ann","age":42,"tags":["a","b"]}""", """{"name": "Ann", "age": -1, "tags": []}"""],
            ["""{"name":"Ann","age":42}""", """{"age":42,"name":"Ann","tags":[]}""", """{"name":"Ann","age":4.5,"tags":[]}""",
                """{"name":"Ann","age":42,"tags":[],"x":1}""", """{"name":1,"age":42,"tags":[]}""",
                    """{"name":"Ann","age":42,"tags":[1]}"""]),
        new("optional properties", """
            {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}, "c": {"type": "null"}}, "required": ["b"]}
            """,
            ["""{"b":true}""", """{"a":1,"b":false}""", """{"b":true,"c":null}""", """{"a":1, "b":true, "c":null}"""],
            ["{}", """{"a":1}""", """{"c":null}""", """{"b":true,"a":1}""", """{"b":true,}""", """{,"b":true}""",
                """{"b":true,"b":true}"""]),
        new("other properties by a schema", """
            {"type": "object", "properties": {"id": {"type": "string"}, "if": {"const": 1}}, "additionalProperties": {"type": "integer"}}
            """,
            ["{}", """{"id":"x"}""", """{"id":"x","i":1}""", """{"idea":1,"x":2}""", """{"if":1}""", """{"id\"":3}"""],
            ["""{"id":1}""", """{"x":"y"}""", """{"i":1,"if":1}""", """{"if":2}""", """{"\u0069d":1}"""]),
        new("nothing but known names", """{"type": "object", "additionalProperties": false}""", ["{}"], ["""{"a":1}"""]),
        new("enum", """{"enum": ["red", "green", "grey", 1, 1.5, null, true, [1, {"a": "b"}], "a\"\\\n"]}""",
            ["\"red\"", "\"green\"", "\"grey\"", "1", "1.5", "null", "true", "[1, {\"a\":\"b\"}]", "[1,{\"a\": \"b\"}]",
                "\"a\\\"\\\\\\n\""],
            ["\"gr\"", "\"blue\"", "2", "false", "[1]", "1.25", "red"]),
        new("const beside a type", """{"type": "string", "const": "yes"}""", ["\"yes\""], ["\"no\"", "\"yes", "1"]),
        new("lengths", """{"type": "string", "minLength": 2, "maxLength": 4}""",
            ["\"ab\"", "\"äöü😀\"", "\"\\ud83d\\ude00\\n\"", "\"abcd\""], ["\"a\"", "\"abcde\"", "\"\\ud83d\\ude00\"", "\"\""]),
        new("a long string", """{"type": "string", "minLength": 190, "maxLength": 300}""",
            [$"\"{new string('a', 200)}\""], [$"\"{new string('a', 189)}\"", $"\"{new string('a', 301)}\""]),
        new("a pattern", """{"type": "string", "pattern": "^[A-Z]{2}-\\d{3,5}(?:/[^\\s\"]+)?$"}""",
            ["\"AB-123\"", "\"AB-12345/x\"", "\"ZZ-0000/é😀\\\\\""], ["\"ab-123\"", "\"AB-12\"", "\"AB-123456\"", "\"AB-123/ \"",
                "\"xAB-123\""]),
        new("a pattern anywhere", """{"type": "string", "pattern": "cat|^dog"}""",
            ["\"cat\"", "\"a cat\"", "\"cats\"", "\"dogs\""], ["\"a dog\"", "\"ca t\"", "\"\""]),
        new("a pattern and lengths", """{"type": "string", "pattern": "^(ab)*c?$", "minLength": 3, "maxLength": 6}""",
            ["\"abab\"", "\"ababc\"", "\"ababab\"", "\"abc\""], ["\"ab\"", "\"abababc\"", "\"\""]),
        new("letters and lengths", """{"type": "string", "pattern": "^[a-z]+$", "maxLength": 3}""", ["\"a\"", "\"abc\""], ["\"\"",
            "\"abcd\""]),
        new("dates", """{"type": "string", "format": "date"}""",
            ["\"2024-02-29\"", "\"2000-02-29\"", "\"2026-11-30\""], ["\"2023-02-29\"", "\"1900-02-29\"", "\"2026-11-31\"",
                "\"2026-13-01\""]),
        new("times", """
            {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}, "t": {"type": "string", "format": "time"}}, "required": ["at"]}
            """,
            ["""{"at":"2026-11-26T12:34:56Z"}""", """{"at":"2026-11-26T12:34:56.123+05:30","t":"23:59:59Z"}"""],
            ["""{"at":"2026-11-26T24:00:00Z"}""", """{"at":"2026-11-26 12:34:56Z"}""", """{"at":"2026-11-26T12:34:56"}"""]),
        new("formats", """
            {"type": "array", "prefixItems": [{"type": "string", "format": "uuid"}, {"type": "string", "format": "email"}, {"type": "string", "format": "ipv4"}], "minItems": 3}
            """,
            ["""["123e4567-e89b-12d3-a456-426614174000","a.b@example.org","192.168.0.255"]"""],
            ["""["123e4567","a@b.de","1.2.3.4"]""", """["123e4567-e89b-12d3-a456-426614174000","a","1.2.3.4"]""",
                """["123e4567-e89b-12d3-a456-426614174000","a@b.de","1.2.3.256"]"""]),
        new("integers of a range", """{"type": "integer", "minimum": -12, "exclusiveMaximum": 2050}""",
            ["-12", "-1", "0", "9", "10", "999", "1999", "2049"], ["-13", "2050", "-0", "01", "3000", "1.5", "-100", "1e3"]),
        new("integers from", """{"type": "integer", "exclusiveMinimum": 17.5}""", ["18", "20", "100", "123456789012345678"], ["17", "9",
            "-18"]),
        new("numbers of a range", """{"type": "number", "minimum": -0.5, "maximum": 12.25}""",
            ["-0.5", "-0.499", "0", "0.0", "12.25", "12.2", "12.250", "9.99", "3"], ["-0.51", "12.26", "12.251", "-1", "13", "120", "1e1"]),
        new("numbers between", """{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}""", ["0.5", "0.01", "0.99"],
            ["0", "0.0", "1", "1.0", "-0.5", "1.5"]),
        new("numbers", """{"type": "number"}""", ["0", "-0.5", "1e10", "1.25E-7", "123456.75", "1e199"], ["01", ".5", "1.", "1e", "+1",
            "1e200"]),
        new("arrays", """{"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3}""",
            ["[1,2]", "[1, 2, 3]"], ["[]", "[1]", "[1,2,3,4]", "[1,2,]", "[,1,2]", "[1 ,2]"]),
        new("tuples", """
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "boolean"}, "minItems": 1, "maxItems": 4}
            """,
            ["[\"a\"]", "[\"a\",1]", "[\"a\",1,true]", "[\"a\",1,true,false]"], ["[]", "[1]", "[\"a\",true]", "[\"a\",1,1]",
                "[\"a\",1,true,true,true]"]),
        new("types", """{"type": ["string", "null", "boolean"]}""", ["\"x\"", "null", "true", "false"], ["1", "{}", "nul"]),
        new("anyOf", """
            {"anyOf": [{"type": "integer"}, {"type": "object", "properties": {"a": {"$ref": "#/anyOf/0"}}, "required": ["a"]}, {"const": "none"}]}
            """,
            ["1", """{"a":2}""", "\"none\""], ["{}", "\"x\"", """{"a":"x"}"""]),
        new("oneOf by a constant", """
            {"oneOf": [{"type": "object", "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}}, "required": ["kind", "r"], "additionalProperties": false},
                       {"type": "object", "properties": {"kind": {"const": "box"}, "w": {"type": "number"}, "h": {"type": "number"}}, "required": ["kind", "w", "h"], "additionalProperties": false}]}
            """,
            ["""{"kind":"circle","r":1.5}""", """{"kind":"box","w":1,"h":2}"""], ["""{"kind":"circle","w":1,"h":2}""",
                """{"kind":"line"}"""]),
        new("allOf", """
            {"allOf": [{"$ref": "#/$defs/named"}, {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}],
             "$defs": {"named": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}}}
            """,
            ["""{"name":"a","age":3}"""], ["""{"name":"a"}""", """{"age":3}""", """{"name":"a","age":-3}"""]),
        new("required by anyOf", """
            {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
            """,
            ["""{"a":1}""", """{"b":1}""", """{"a":1,"b":2}"""], ["{}"]),
        new("a tree", """
            {"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
             "required": ["v", "next"], "additionalProperties": false}}}
            """,
            ["""{"v":1,"next":[]}""", """{"v":1,"next":[{"v":2,"next":[{"v":3,"next":[]}]},{"v":4,"next":[]}]}"""],
            ["""{"v":1}""", """{"v":1,"next":[1]}""", """{"v":1,"next":[{"v":2}]}"""]),
        new("a list", """
            {"type": "object", "properties": {"v": {"type": "string"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["v", "next"], "additionalProperties": false}
            """,
            ["""{"v":"a","next":null}""", """{"v":"a","next":{"v":"b","next":null}}"""], ["""{"v":"a","next":{}}"""]),
        new("anything", "true", ["1", "null", "[[[]]]", """{"a":{}}""", "\"\""], ["", "nil", "[1"]),
    ];

    public static SchemaCase Named(string name) => All.Single(known => known.Name == name);
}
