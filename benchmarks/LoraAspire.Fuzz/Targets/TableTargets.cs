using System.IO.Compression;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Runtime.Stages;
using Parquet.Serialization;

namespace LoraAspire.Fuzz.Targets;

/// <summary>Rows in every form, as alpaca records, as a table with templates, as conversations.</summary>
internal static class TableTargets
{
    private const string Json =
        """[{"instruction": "Who?", "input": "", "output": "Pebble."}, {"instruction": "Say\n\"it\"", "input": "你好 😀", "output": "好","""
            + """ "n": 3.5e2, "list": [1, null]}]""";
    private const string Lines =
        "{\"instruction\": \"Who?\", \"output\": \"Pebble.\"}\n{\"instruction\": \"b\", \"output\": \"\\u00e9\", \"input\": null}\n";
    private const string Csv = "instruction,input,output\nWho?,,Pebble.\n\"two\nlines, \"\"quoted\"\"\",你好,好\r\nlast,x,y\n";
    private const string Tsv = "instruction\tinput\toutput\nWho?\t\tPebble.\na\tb\tc\"\n";
    private const string Chats = """
        {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Pebble."}], "system": "s"}
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "b", "weight": 1}, {"role": "user", "content": "c"}]}

        """;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var folder = scratch.Folder("tables");
        yield return Of("rows-json", ".json", AllTargets.JsonWords, Json);
        yield return Of("rows-jsonl", ".jsonl", AllTargets.JsonWords, Lines);
        yield return Of("rows-csv", ".csv", ["\"", "\"\"", ",", "\r", "\r\n", "\uFEFF"], Csv);
        yield return Of("rows-tsv", ".tsv", ["\t", "\r"], Tsv);
        yield return new("rows-gz", () => [Gzip(Json), Gzip(Lines)], Reader(".json.gz"), typeof(StageException));
        yield return new("rows-parquet", () => [ParquetAsync().GetAwaiter().GetResult()], Reader(".parquet"), typeof(StageException));
        yield return new("chats-parquet", () => [ParquetChatsAsync().GetAwaiter().GetResult()], bytes => Chat(bytes, ".parquet"),
            typeof(StageException));
        yield return new("chats-json", () => [AllTargets.Utf8(Chats)], bytes => Chat(bytes, ".jsonl"),
            typeof(StageException))
        { Words = [.. AllTargets.JsonWords, "\"tool_calls\":[]", "\"role\":\"tool\""] };

        Target Of(string name, string form, IReadOnlyList<string> words, string text) =>
            new(name, () => [AllTargets.Utf8(text)], Reader(form), typeof(StageException)) { Words = words };

        Action<byte[]> Reader(string form) => bytes =>
        {
            DataFile file = new($"a{form}", Scratch.Write(folder, $"a{form}", bytes));
            var failed = Failure(() => Drain(new AlpacaRecords(new() { Path = file.Name }, file).Read()));
            Drain(new TableRecords(new()
            {
                Path = file.Name,
                Templates = ["Is it good? [instruction]", "So: [instruction]?"],
                Output = "[output]"
            }, file, _ => file, 1, []).Read());
            if (failed is not null)
            {
                throw failed;
            }
        };

        void Chat(byte[] bytes, string form)
        {
            DataFile file = new($"c{form}", Scratch.Write(folder, $"c{form}", bytes));
            Drain(new ChatRecords(file).Read());
        }
    }

    /// <summary>Both readers get their turn, whatever the first one says.</summary>
    private static StageException? Failure(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (StageException error)
        {
            return error;
        }
    }

    internal static void Drain<T>(IEnumerable<T> items)
    {
        foreach (var _ in items)
        {
        }
    }

    internal static byte[] Gzip(string text)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(AllTargets.Utf8(text));
        }
        return packed.ToArray();
    }

    private static async Task<byte[]> ParquetAsync()
    {
        using MemoryStream stream = new();
        await ParquetSerializer.SerializeAsync([new Row { instruction = "Who?", output = "Pebble.", n = 1, x = 2.5 },
            new Row { instruction = "b", input = "你好", output = "好", n = null }], stream);
        return stream.ToArray();
    }

    private static async Task<byte[]> ParquetChatsAsync()
    {
        using MemoryStream stream = new();
        await ParquetSerializer.SerializeAsync([new Talk { messages =
            [new() { role = "user", content = "Who?" }, new() { role = "assistant", content = "Pebble." }] }], stream);
        return stream.ToArray();
    }

#pragma warning disable IDE1006 // the columns' own names
    private sealed class Row
    {
        public string? instruction { get; set; }
        public string? input { get; set; }
        public string? output { get; set; }
        public int? n { get; set; }
        public double x { get; set; }
    }

    private sealed class Talk
    {
        public List<Message>? messages { get; set; }
    }

    private sealed class Message
    {
        public string? role { get; set; }
        public string? content { get; set; }
    }
#pragma warning restore IDE1006
}
