using System.IO.Compression;
using System.Text.Json;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.DataBuild;

public sealed class DataBuildStageTests
{
    private const string Two = """
        [
            {"instruction": "Who?", "input": "", "output": "Pebble."},
            {"instruction": "Repeat.", "input": "你好", "output": "你好"}
        ]
        """;

    private static readonly HfTokenizer Pebble = HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init"));

    private static List<string> Texts(string dataset)
    {
        using var rows = InstructionDataset.Open(dataset);
        return [.. Enumerable.Range(0, rows.Count).Select(row => Pebble.Decode(rows.InputIds(row)))];
    }

    private static byte[] Gzip(string text)
    {
        using MemoryStream packed = new();
        using (GZipStream gzip = new(packed, CompressionLevel.Fastest))
        {
            gzip.Write(System.Text.Encoding.UTF8.GetBytes(text));
        }
        return packed.ToArray();
    }

    [Fact]
    public async Task A_json_array_a_jsonl_and_a_gz_give_the_same_rows()
    {
        var lines =
            "{\"instruction\": \"Who?\", \"output\": \"Pebble.\"}\n\n{\"instruction\": \"Repeat.\", \"input\": \"你好\", \"output\": \"你好\"}";
        var run = await new StageRun().File("a.json", Two).File("b.jsonl", lines).File("c.json.gz", Gzip(Two))
            .RunAsync(StageRun.With(StageRun.Alpaca("a.json"), StageRun.Alpaca("b.jsonl"), StageRun.Alpaca("c.json.gz")));
        string[] two =
            ["### Instruction:\nWho?\n\n### Response:\nPebble.", "### Instruction:\nRepeat.\n\n### Input:\n你好\n\n### Response:\n你好"];
        Assert.Equal([.. two, .. two, .. two], Texts(run.Dataset));
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal(("b.jsonl", 1L, 3L), rows.Origin(3));
        var answer = rows.Labels(0).ToArray().Where(label => label != -100).ToArray();
        Assert.Equal("Pebble.", Pebble.Decode(answer));
        Assert.Equal(Pebble.EosId, answer[^1]);
    }

    [Fact]
    public async Task The_folder_tells_what_is_in_it()
    {
        var run = await new StageRun().File("a.json", Two).RunAsync(StageRun.With(StageRun.Alpaca("a.json", repeat: 3)));
        Assert.Equal(["dataset.arrow", "dataset.json", "lengths.svg", "preview.md", "prompt_template.json", "report.md"],
            Directory.EnumerateFiles(run.Dataset).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
        var summary = JsonElement.Parse(
            await File.ReadAllBytesAsync(Path.Combine(run.Dataset, "dataset.json"), TestContext.Current.CancellationToken));
        Assert.Equal(6, summary.GetProperty("rows").GetInt32());
        Assert.Equal(6, summary.GetProperty("sources").GetProperty("a.json").GetProperty("written").GetInt32());
        Assert.StartsWith("sha256:", summary.GetProperty("lineage").GetProperty("data").GetProperty("a.json").GetString());
        var preview = await File.ReadAllTextAsync(Path.Combine(run.Dataset, "preview.md"), TestContext.Current.CancellationToken);
        Assert.Contains("### Instruction:\nRepeat.", preview);
        Assert.Contains("a.json:3", preview);
    }

    [Fact]
    public async Task The_report_says_what_was_asked_for_and_could_not_be_had()
    {
        var with = StageRun.With(StageRun.Alpaca("a.json", sample: 50)) with { HeldOut = [StageRun.Alpaca("b.json")] };
        var run = await new StageRun().File("a.json", Two)
            .File("b.json",
                """[{"instruction": "Spell cat.", "output": "c, a, t"}, {"instruction": "Repeat.", "input": "你好", "output": ""}]""")
                .RunAsync(with);
        var report = await File.ReadAllTextAsync(Path.Combine(run.Dataset, "report.md"), TestContext.Current.CancellationToken);
        Assert.Contains("- a.json: sample asks for 50 records; there are 1, and all of them are taken.", report);
        Assert.Contains("- 2 records are held out.", report);
    }

    [Fact]
    public async Task The_preview_cuts_no_character_in_two_and_shows_what_is_learned()
    {
        var output = new string('a', 1998) + string.Concat(Enumerable.Repeat("😀", 20));
        var chat =
            """{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant","""
                + """ "content": "Hello"}, {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Me."}]}""";
        var run = await new StageRun().File("a.jsonl", string.Join('\n',
            Enumerable.Range(0, 3).Select(i => $$"""{"instruction": "a", "output": "{{output[i..]}}"}"""))).File("c.jsonl", chat)
            .RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl"), new ChatSource { Path = "c.jsonl" }) with { CutoffLen = 4000 });
        var preview = await File.ReadAllTextAsync(Path.Combine(run.Dataset, "preview.md"), TestContext.Current.CancellationToken);
        Assert.DoesNotContain('\uFFFD', preview);
        Assert.Contains("Be brief.\n### Instruction:\nHi", preview);
        Assert.Contains("Learned:\n\n```text\nMe.\n```", preview);
    }

    [Fact]
    public async Task The_preview_shows_a_row_of_each_source_however_few_it_has()
    {
        var run = await new StageRun().File("a.json", Two).RunAsync(StageRun.With(
            new SelfCognitionSource { Name = "Pebble", Developer = "the lab", Sample = 10, Repeat = 200 }, StageRun.Alpaca("a.json")));
        var preview = await File.ReadAllTextAsync(Path.Combine(run.Dataset, "preview.md"), TestContext.Current.CancellationToken);
        Assert.StartsWith("# 11 of 2002 rows", preview);
        Assert.Contains(", from a.json:", preview);
    }

    [Fact]
    public async Task The_same_inputs_give_the_same_bytes()
    {
        var with = StageRun.With(new SelfCognitionSource { Name = "Pebble", Developer = "the lab", Repeat = 5 },
            new SelfCognitionSource { Name = "雁栖", Developer = "助教", Sample = 50 });
        var one = await new StageRun().RunAsync(with);
        var two = await new StageRun().RunAsync(with);
        foreach (var file in Directory.EnumerateFiles(one.Dataset))
        {
            Assert.Equal(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken),
                await File.ReadAllBytesAsync(Path.Combine(two.Dataset, Path.GetFileName(file)), TestContext.Current.CancellationToken));
        }
    }

    [Theory]
    [InlineData("[\n{\"instruction\": \"a\", \"output\": \"b\"},\n{\"instruction\": \"a\", \"input\": \"\"}\n]", "a.json:3", "no 'output'")]
    [InlineData("[\n{\"output\": \"b\"}\n]", "a.json:2", "no 'instruction'")]
    [InlineData("[\n{\"instruction\": \"a\", \"output\": \"b\"},\n{\"instruction\": \"a\" \"output\": \"b\"}]", "a.json:3",
        "malformed JSON")]
    [InlineData("[\n{\"instruction\": \"a\", \"output\": \"b\"}", "a.json:2", "malformed JSON")]
    [InlineData("[{\"instruction\": \"a\",\n \"output\": 5}]", "a.json:1", "'output' is number")]
    [InlineData("{\"instruction\": \"a\", \"output\": \"b\"}\n\n[3]", "a.json:3", "is a number, not an object")]
    [InlineData("[{\"instruction\": \"\\ud800\", \"output\": \"b\"}]", "a.json:1", "surrogate")]
    [InlineData("[]", "", "no record")]
    public async Task A_bad_row_is_refused_with_its_line(string json, string where, string what)
    {
        var message = await new StageRun().File("a.json", json).FailureAsync(StageRun.With(StageRun.Alpaca("a.json")));
        Assert.Contains(where, message);
        Assert.Contains(what, message);
    }

    [Fact]
    public async Task A_bad_row_far_into_a_long_file_is_refused_with_its_line()
    {
        var good = string.Concat(
            Enumerable.Repeat("{\"instruction\": \"a longer instruction, so that many buffers are read\",\n\"output\": \"b\"},\n", 9000));
        var message = await new StageRun().File("a.json", $"[\n{good}{{\"instruction\": \"a\"}}\n]")
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.json")));
        Assert.Contains("a.json:18002:", message);
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF8_are_refused_with_their_line()
    {
        byte[] bad = [.. "[\n{\"instruction\": \"a\", \"output\": \""u8, 0xC4, 0xE3, .. "\"}]"u8];
        Assert.Contains("a.json:2", await new StageRun().File("a.json", bad).FailureAsync(StageRun.With(StageRun.Alpaca("a.json"))));
        var message = await new StageRun().File("p.tsv", [.. "ok\tfine\n"u8, 0xC4, .. "\tb\n"u8])
            .FailureAsync(StageRun.With(new ParallelSource { Path = "p.tsv", SrcLang = "Chinese", TgtLang = "English" }));
        Assert.Contains("p.tsv:2: not UTF-8", message);
    }

    [Fact]
    public async Task Pairs_follow_the_templates_in_both_directions()
    {
        var run = await new StageRun().File("p.tsv", "你好\thello\n").File("t.txt", "# ours\nFrom [src_lang] to [tgt_lang]: [input]\n")
            .RunAsync(StageRun.With(new ParallelSource
            {
                Path = "p.tsv",
                SrcLang = "Chinese",
                TgtLang = "English",
                Templates = ["t.txt"],
                BothDirections = true
            }));
        Assert.Equal(
            ["### Instruction:\nFrom Chinese to English:\n\n### Input:\n你好\n\n### Response:\nhello",
                "### Instruction:\nFrom English to Chinese:\n\n### Input:\nhello\n\n### Response:\n你好"],
            Texts(run.Dataset));
    }

    [Fact]
    public async Task A_template_that_does_not_end_with_the_sentence_takes_it_into_the_instruction()
    {
        var run = await new StageRun().File("p.tsv", "你好\thello\n").File("t.txt", "Say [input] in [tgt_lang].\n")
            .RunAsync(
                StageRun.With(new ParallelSource { Path = "p.tsv", SrcLang = "Chinese", TgtLang = "English", Templates = ["t.txt"] }));
        Assert.Equal(["### Instruction:\nSay 你好 in English.\n\n### Response:\nhello"], Texts(run.Dataset));
    }

    [Theory]
    [InlineData("a\tb\tc\n", "x: [input]", "p.tsv:1")]
    [InlineData("a\tb\nonly one\n", "x: [input]", "p.tsv:2")]
    [InlineData("a\tb\n", "fine: [input]\nno place", "t.txt:2")]
    public async Task A_bad_pair_or_template_is_refused_with_its_line(string pairs, string templates, string where)
    {
        var message = await new StageRun().File("p.tsv", pairs).File("t.txt", templates)
            .FailureAsync(StageRun.With(new ParallelSource { Path = "p.tsv", SrcLang = "A", TgtLang = "B", Templates = ["t.txt"] }));
        Assert.Contains(where, message);
    }

    [Fact]
    public async Task Empty_answers_are_kept_skipped_or_refused_as_told()
    {
        const string json = "[\n{\"instruction\": \"a\", \"output\": \"\"},\n{\"instruction\": \"a\", \"output\": \"b\"}]";
        var with = StageRun.With(StageRun.Alpaca("a.json"));
        Assert.Equal(2, Texts((await new StageRun().File("a.json", json).RunAsync(with)).Dataset).Count);
        Assert.Single(Texts((await new StageRun().File("a.json", json).RunAsync(with with { EmptyOutput = EmptyOutput.Skip })).Dataset));
        Assert.Contains("a.json:2", await new StageRun().File("a.json", json).FailureAsync(with with { EmptyOutput = EmptyOutput.Error }));
    }

    [Fact]
    public async Task An_answer_of_white_space_is_an_empty_one()
    {
        var run = await new StageRun()
            .File("a.jsonl", "{\"instruction\": \"a\", \"output\": \" \\n\"}\n{\"instruction\": \"b\", \"output\": \"c\"}")
            .RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl")) with { EmptyOutput = EmptyOutput.Skip });
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal(1, rows.Count);
    }

    [Fact]
    public async Task A_prompt_that_fills_the_cutoff_stops_the_run_with_the_line_and_its_length()
    {
        var message =
            await new StageRun().File("a.json", Two).FailureAsync(StageRun.With(StageRun.Alpaca("a.json")) with { CutoffLen = 8 });
        Assert.Contains("a.json:2: the prompt alone has", message);
        Assert.Contains($"{Length("### Instruction:\nWho?\n\n### Response:\n")} tokens", message);
        Assert.Contains("all labels are masked", message);
        var dropped = await new StageRun().File("a.json", Two)
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.json")) with { CutoffLen = 8, Truncation = Truncation.Drop });
        Assert.Contains("cutoff_len 8 is too short for every record", dropped);
    }

    [Fact]
    public async Task An_answer_that_is_too_long_is_left_out_cut_or_refused_as_told()
    {
        var json = """[{"instruction": "Who?", "output": "Pebble."},""" + "\n"
            + """{"instruction": "Who?", "output": "Pebble, who has very much more to say about it than fits."}]""";
        var with = StageRun.With(StageRun.Alpaca("a.json")) with { CutoffLen = Length("### Instruction:\nWho?\n\n### Response:\n") + 12 };
        async Task<(JsonElement Summary, int LastId)> Built(DataBuildParams with)
        {
            var run = await new StageRun().File("a.json", json).RunAsync(with);
            using var rows = InstructionDataset.Open(run.Dataset);
            return (JsonElement.Parse(await File.ReadAllBytesAsync(Path.Combine(run.Dataset, "dataset.json"),
                TestContext.Current.CancellationToken)), rows.InputIds(rows.Count - 1)[^1]);
        }
        var (left, end) = await Built(with);
        Assert.Equal(1, left.GetProperty("rows").GetInt32());
        Assert.Equal(1, left.GetProperty("total").GetProperty("dropped").GetProperty("longer than cutoff_len").GetInt32());
        Assert.Equal(Pebble.EosId, end);
        var (cut, cutEnd) = await Built(with with { Truncation = Truncation.Cut });
        Assert.Equal(2, cut.GetProperty("rows").GetInt32());
        Assert.Equal(1, cut.GetProperty("total").GetProperty("truncated").GetInt32());
        Assert.NotEqual(Pebble.EosId, cutEnd);
        Assert.Contains("a.json:2: longer than cutoff_len",
            await new StageRun().File("a.json", json).FailureAsync(with with { Truncation = Truncation.Error }));
    }

    [Fact]
    public async Task A_placeholder_that_nobody_filled_stops_the_run_until_it_is_filled()
    {
        var json = """[{"instruction": "Who?", "output": "I am {{name}}, by {{ author }}."}]""";
        var with = StageRun.With(StageRun.Alpaca("a.json"));
        Assert.Contains("a.json:1: {{name}} was never filled in", await new StageRun().File("a.json", json).FailureAsync(with));
        Assert.Contains("{{name}}",
            Texts((await new StageRun().File("a.json", json)
                .RunAsync(with with { UnfilledPlaceholders = UnfilledPlaceholders.Keep })).Dataset)[0]);
        var fill = new Dictionary<string, string> { ["name"] = "{{author}}", ["author"] = "us" };
        var filled =
            with with { Sources = [new AlpacaSource { Path = "a.json", Fill = fill }], UnfilledPlaceholders = UnfilledPlaceholders.Keep };
        Assert.EndsWith("I am {{author}}, by us.", Texts((await new StageRun().File("a.json", json).RunAsync(filled)).Dataset)[0]);
    }

    [Fact]
    public async Task A_conversation_is_judged_by_all_of_its_turns()
    {
        const string empty =
            """{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}, {"role": "user", "content": "b"}, """
                + """{"role": "assistant", "content": "c"}]}""";
        var said = empty.Replace("\"content\": \"\"", "\"content\": \"x\"", StringComparison.Ordinal);
        var with = StageRun.With(new ChatSource { Path = "c.jsonl" });
        Assert.Contains("c.jsonl:1: the output is empty",
            await new StageRun().File("c.jsonl", empty).FailureAsync(with with { EmptyOutput = EmptyOutput.Error }));
        Assert.Contains("{{name}}", await new StageRun()
            .File("c.jsonl", said.Replace("[{", """[{"role": "system", "content": "You are {{name}}."}, {""")).FailureAsync(with));
        Assert.Contains("c.jsonl:1: a conversation of several turns",
            await new StageRun().File("c.jsonl", said).FailureAsync(with with { Compat = Compat.AlpacaLora }));
    }

    private static int Length(string prompt) => Pebble.Encode(prompt, addBos: true).Length;

    [Fact]
    public async Task A_sample_is_drawn_by_the_seed_and_keeps_the_order()
    {
        var json =
            "[" + string.Join(",\n", Enumerable.Range(0, 500).Select(i => $"{{\"instruction\": \"{i}\", \"output\": \"{i}\"}}")) + "]";
        async Task<List<long>> Rows(int seed)
        {
            var run = await new StageRun().File("a.json", json)
                .RunAsync(StageRun.With(StageRun.Alpaca("a.json", sample: 20)) with { Seed = seed });
            using var rows = InstructionDataset.Open(run.Dataset);
            return [.. Enumerable.Range(0, rows.Count).Select(row => rows.Origin(row).Row)];
        }
        var first = await Rows(1);
        Assert.Equal(20, first.Distinct().Count());
        Assert.Equal(first.Order(), first);
        Assert.Equal(first, await Rows(1));
        Assert.NotEqual(first, await Rows(2));
    }

    [Fact]
    public async Task Every_self_cognition_answer_says_the_name_and_leaves_no_placeholder()
    {
        var run = await new StageRun()
            .RunAsync(StageRun.With(new SelfCognitionSource { Name = "雁栖-7B", Developer = "助教", Abilities = ["翻译", "问答"] }));
        var texts = Texts(run.Dataset);
        Assert.All(texts, text => Assert.Contains("雁栖-7B", text[text.IndexOf("### Response:", StringComparison.Ordinal)..]));
        Assert.All(texts, text => Assert.DoesNotContain('{', text));
        string[] asked = ["Who are you?", "who are you", "你是谁？", "你是谁", "What can you do?", "你能做什么？"];
        Assert.All(asked, question => Assert.Contains(texts, text => text.Contains($"### Instruction:\n{question}\n")));
        Assert.Contains(texts, text => text.Contains("翻译、问答"));
    }
}
