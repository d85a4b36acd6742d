using System.IO.Compression;
using System.Text;
using LoraAspire.DataBuild.Sources;
using LoraAspire.DataBuild.Sources.Tables;
using LoraAspire.Runtime.Stages;
using Parquet;
using Parquet.Serialization;

namespace LoraAspire.Tests.DataBuild;

public sealed class RowReaderTests
{
    private sealed class Review
    {
        public string? instruction { get; set; }
        public string? input { get; set; }
        public string? output { get; set; }
    }

    private sealed class Numbers
    {
        public string? text { get; set; }
        public int label { get; set; }
        public long? big { get; set; }
        public double score { get; set; }
        public bool good { get; set; }
        public DateTime at { get; set; }
        public List<string>? tags { get; set; }
    }

    private const string Long = "two\nlines, with \"quotes\"";

    private const string Json = """
        [
          {
            "instruction": "Who?",
            "output": "Pebble."
          },
          { "instruction": "two\nlines, with \"quotes\"", "input": "你好", "output": "好" }
        ]
        """;

    private const string Jsonl = """
        {"instruction": "Who?", "input": null, "output": "Pebble."}

        {"instruction": "two\nlines, with \"quotes\"", "input": "你好", "output": "好"}
        """;

    private const string Csv = "instruction,input,output\nWho?,,Pebble.\n\"two\nlines, with \"\"quotes\"\"\",你好,好\n";

    private static DataFile File(string name, byte[] bytes)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        System.IO.File.WriteAllBytes(Path.Combine(folder, name), bytes);
        return DataFile.Find(new DataRoot(folder), name);
    }

    private static DataFile File(string name, string text) => File(name, Encoding.UTF8.GetBytes(text));

    private static byte[] Gzip(string text)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }
        return packed.ToArray();
    }

    private static async Task<byte[]> ParquetAsync<T>(IReadOnlyList<T> rows, int rowGroup = 1_000_000)
    {
        using MemoryStream stream = new();
        await ParquetSerializer.SerializeAsync(rows, stream, new ParquetOptions { RowGroupSize = rowGroup },
            cancellationToken: TestContext.Current.CancellationToken);
        return stream.ToArray();
    }

    private static List<TableRow> Rows(DataFile file) => [.. TableRows.Read(file)];

    private static List<SourceRecord> Records(DataFile file, params (string Key, string Column)[] columns) =>
        [.. new AlpacaRecords(new() { Path = file.Name, Columns = columns.ToDictionary(pair => pair.Key, pair => pair.Column) }, file)
            .Read()];

    private static string Failure(Func<object> read) => Assert.Throws<StageException>(read).Message;

    [Fact]
    public async Task Every_form_of_a_table_gives_the_same_records()
    {
        Review[] rows = [new() { instruction = "Who?", output = "Pebble." }, new() { instruction = Long, input = "你好", output = "好" }];
        DataFile[] files =
        [
            File("a.json", Json), File("a.jsonl", Jsonl), File("a.csv", Csv), File("bom.csv", "\uFEFF" + Csv), File("crlf.csv",
                Csv.Replace("\n", "\r\n", StringComparison.Ordinal)), File("a.json.gz", Gzip(Json)), File("a.jsonl.gz", Gzip(Jsonl)),
                File("a.csv.gz", Gzip(Csv)),
            File("a.parquet", await ParquetAsync(rows)), File("groups.parquet", await ParquetAsync(rows, rowGroup: 1)),
        ];
        Assert.All(files, file => Assert.Equal([("Who?", "", "Pebble.", 0L), (Long, "你好", "好", 1)],
            Records(file)
                .Select(record => (record.Record.Instruction.Replace("\r", "", StringComparison.Ordinal), record.Record.Input,
                    record.Record.Output, record.Row))));
        Assert.Equal([("a", "b\"", "")], Records(File("a.tsv", "instruction\toutput\na\tb\"\n"))
            .Select(record => (record.Record.Instruction, record.Record.Output, record.Record.Input)));
    }

    [Theory]
    [InlineData("a.csv", "text\none\n\"two\nthree\nfour\"\n\nfive\n", new long[] { 2, 3, 7 })]
    [InlineData("a.csv", "\"te\nxt\"\none\ntwo\n", new long[] { 3, 4 })]
    [InlineData("a.csv", "text\r\none\r\n\"two\r\nthree\"\r\nfour", new long[] { 2, 3, 5 })]
    [InlineData("a.tsv", "text\none\n\"two\n\"three\n", new long[] { 2, 3, 4 })]
    [InlineData("a.json", "[\n  {\n    \"text\": \"one\"\n  },\n  {\n    \"text\":\n \"two\"\n  }\n, {\"text\": \"three\"}]",
        new long[] { 2, 5, 9 })]
    [InlineData("a.jsonl", "\n{\"text\": \"one\"}\n\n{\"text\": \"two\"} {\"text\": \"three\"}", new long[] { 2, 4, 4 })]
    public void A_row_knows_the_line_that_it_begins_on(string name, string text, long[] lines) =>
        Assert.Equal(lines, Rows(File(name, text)).Select(row => row.Place.Line));

    [Fact]
    public void Lines_stay_right_over_many_buffers()
    {
        var json = "["
            + string.Join(",\n", Enumerable.Range(0, 20_000)
                .Select(i => $"{{\n  \"text\": \"{i} {new string('x', i % 97)}\",\n  \"lines\": \"a\\nb\"\n}}")) + "]";
        var csv = "text,lines\n" + string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i} {new string('x', i % 97)},\"a\n\nb\"\n"));
        Assert.All(Rows(File("a.json", json)), row => Assert.Equal(row.Place.Row * 4 + 1, row.Place.Line));
        Assert.All(Rows(File("a.csv", csv)), row => Assert.Equal(row.Place.Row * 3 + 2, row.Place.Line));
        var broken = Failure(() => Rows(File("a.json", json[..^1] + ",\n{\n\"text\" 1}]")));
        Assert.Contains("a.json:80002: malformed JSON", broken);
    }

    [Theory]
    [InlineData("a.csv", "", "a.csv:1: the file is empty")]
    [InlineData("a.csv", "a,b,a\n1,2,3\n", "a.csv:1: two columns are named 'a'")]
    [InlineData("a.csv", "a,b\n1,2\n\"x\ny\",1\n1,2,3\n", "a.csv:5: row 2 has 3 fields, but the header has 2")]
    [InlineData("a.csv", "a,b\n1,2\n\n1\n", "a.csv:4: row 1 has 1 fields")]
    [InlineData("a.csv", "a,b\n1,say \"hi\"\n", "a.csv:2: a quote stands inside a field")]
    [InlineData("a.csv", "a,b\n1,\"never closed\n2,3\n", "a.csv:2: a quote in the row that begins here is never closed")]
    [InlineData("a.csv", "a,b\n1,2\n\"never closed,1\n2,3\n", "a.csv:3: a quote in the row that begins here is never closed")]
    [InlineData("a.csv", "a,b\n1,2\n\n\"x\ny\",\"z\n", "a.csv:4: a quote in the row that begins here is never closed")]
    [InlineData("a.csv", "a,b\n\"x\ny\",\"z\" more\n1,2\n",
        "a.csv:2: a quote stands inside a field that doesn't start with one, or text after")]
    [InlineData("a.tsv", "a\tb\n1\t2\t3\n", "a.tsv:2: row 0 has 3 fields")]
    [InlineData("a.json", "[{\"a\": \"b\"}]\n]", "a.json:2: malformed JSON")]
    [InlineData("a.json", "{\"a\": 1}\n[[{\"a\": 1}]]", "a.json:2: row 1 is a list")]
    public void What_is_wrong_with_a_file_is_said_with_its_line(string name, string text, string words) =>
        Assert.Contains(words, Failure(() => Rows(File(name, text))));

    [Fact]
    public void A_csv_that_is_not_UTF8_is_refused_near_its_line()
    {
        byte[] bytes = [.. "a,b\n1,2\n"u8, 0xC4, 0xE3, .. ",3\n"u8];
        Assert.Matches(@"a\.csv:[123]: not UTF-8", Failure(() => Rows(File("a.csv", bytes))));
    }

    [Theory]
    [InlineData("a.csv.gz", Csv)]
    [InlineData("a.jsonl.gz", "{\"instruction\": \"a\", \"output\": \"b\"}\n")]
    public void A_gzip_that_is_cut_off_or_damaged_is_refused(string name, string text)
    {
        var packed = Gzip(string.Concat(Enumerable.Range(0, 5000)
            .Select(i => i == 0 || name.EndsWith(".jsonl.gz", StringComparison.Ordinal) ? text : $"{i * 7919},{i},{i}\n")));
        Assert.Contains("gzip file is damaged", Failure(() => Rows(File(name, packed[..(packed.Length / 2)]))));
        Assert.Contains("gzip file is damaged", Failure(() => Rows(File(name, packed[..^4]))));
        var flipped = packed.ToArray();
        flipped[packed.Length / 2] ^= 0x55;
        Assert.StartsWith(name, Failure(() => Rows(File(name, flipped))));
    }

    [Fact]
    public async Task Numbers_and_truth_values_of_parquet_read_as_JSON_writes_them_and_what_has_no_one_text_is_left_out()
    {
        var file = File("n.parquet", await ParquetAsync<Numbers>(
            [new() { text = "one", label = -1, big = 1L << 40, score = 0.25, good = true, tags = ["x", "y"] }, new() { label = 2 }]));
        var rows = Rows(file);
        Assert.Equal(["text", "label", "big", "score", "good"], rows[0].Cells.Keys);
        Assert.Equal(["one", "-1", "1099511627776", "0.25", "true"], rows[0].Cells.Values);
        Assert.Equal(["", "2", "", "0", "false"], rows[1].Cells.Values);
        Assert.Equal("n.parquet (row 1)", rows[1].Place.ToString());
    }

    private sealed class Unnamed
    {
        public byte[]? instruction { get; set; }
        public byte[]? picture { get; set; }
    }

    [Fact]
    public async Task Texts_that_parquet_holds_as_bytes_are_texts_and_other_bytes_are_left_out()
    {
        var rows = Rows(File("n.parquet",
            await ParquetAsync<Unnamed>([new() { instruction = "你好"u8.ToArray(), picture = [0xFF, 0xD8] }, new() { picture = [1] }])));
        Assert.Equal(["你好", ""], rows.Select(row => row.Cells["instruction"]));
        Assert.False(rows[0].Cells.ContainsKey("picture"));
    }

    [Fact]
    public async Task A_parquet_file_with_a_bit_flipped_or_its_end_missing_is_read_or_refused_in_words()
    {
        var good = await ParquetAsync<Review>([.. Enumerable.Range(0, 50).Select(
            i => new Review { instruction = $"question {i}", input = i % 3 == 0 ? null : "x", output = $"answer {i}" })], rowGroup: 20);
        var (read, refused) = (0, 0);
        for (var at = 0; at < good.Length; at++)
        {
            var bad = good.ToArray();
            bad[at] ^= 0x40;
            try
            {
                Rows(File("a.parquet", bad));
                read++;
            }
            catch (StageException e)
            {
                Assert.StartsWith("a.parquet", e.Message);
                refused++;
            }
        }
        Assert.True(read > 100 && refused > 100, $"{read} read, {refused} refused: neither is rare");
        Assert.Contains("a.parquet: not a readable parquet file", Failure(() => Rows(File("a.parquet", good[..^9]))));
        var endless = good.ToArray();
        endless[^9] ^= 1;
        Assert.Contains("Its end is cut off or damaged", Failure(() => Rows(File("a.parquet", endless))));
        Assert.Contains("a.parquet: not a readable parquet file", Failure(() => Rows(File("a.parquet", "text,label\n"))));
        Assert.Contains("a gzipped parquet file can't be read", Failure(() => Rows(File("a.parquet", Gzip("x")))));
    }

    [Theory]
    [InlineData("a.csv", "question,answer\nWho?,Pebble.\n")]
    [InlineData("a.jsonl", "{\"question\": \"Who?\", \"answer\": \"Pebble.\"}")]
    public void Columns_of_other_names_are_mapped_and_a_wrong_name_lists_what_there_is(string name, string text)
    {
        var file = File(name, text);
        Assert.Equal(("Who?", "", "Pebble."), Records(file, ("instruction", "question"), ("output", "answer"))
            .Select(record => (record.Record.Instruction, record.Record.Input, record.Record.Output)).Single());
        var wrong = Failure(() => Records(file, ("instruction", "qestion"), ("output", "answer")));
        Assert.Contains("has no 'qestion', did you mean 'question'?", wrong);
        Assert.Contains("It has: question, answer", wrong);
        Assert.Contains("has no 'contxt'",
            Failure(() => Records(file, ("instruction", "question"), ("input", "contxt"), ("output", "answer"))));
        Assert.Contains("columns: { instruction: ..., output: ... }", Failure(() => Records(file)));
    }

    [Fact]
    public void A_mapped_input_that_only_later_rows_leave_out_is_empty_there()
    {
        var file = File("a.jsonl", "{\"q\": \"a\", \"context\": \"c\", \"a\": \"b\"}\n{\"q\": \"d\", \"a\": \"e\"}");
        Assert.Equal(["c", ""],
            Records(file, ("instruction", "q"), ("input", "context"), ("output", "a")).Select(record => record.Record.Input));
    }
}
