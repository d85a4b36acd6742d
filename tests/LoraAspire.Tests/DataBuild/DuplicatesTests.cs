using LoraAspire.DataBuild.Deduplication;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild;

public sealed class DuplicatesTests
{
    private const string Again = "repeats an earlier record", Nearly = "nearly repeats an earlier record", HeldOut =
        "repeats a held-out record", NearlyHeldOut = "nearly repeats a held-out record";

    private static SourceRecord Record(string instruction, string output, long row, string input = "") =>
        new(new(instruction, input, output), "a.json", row);

    private static SourceRecord Pair(string source, string target, long row) =>
        new(new("translate " + row, source, target), "p.tsv", row) { Pair = new(source, target) };

    private static IEnumerable<string?> Marked(Duplicates duplicates, params SourceRecord[] records) =>
        duplicates.Mark(records).Select(record => record.Dropped);

    private const string Long =
        "The quick brown fox jumps over the lazy dog while the farmer's children watch from the old wooden fence near the river.";

    [Fact]
    public void Equal_texts_are_found_whatever_their_case_and_white_space()
    {
        Assert.Equal([null, Again, null, null], Marked(new(new() { Exact = true }), Record("Who are you?", "Me.", 0),
            Record(" who  ARE\nyou?", "me.", 1), Record("Who are you?", "You.", 2), Record("Who are you", "Me.", 3)));
    }

    [Fact]
    public void Nearly_equal_texts_are_found_and_short_ones_only_when_equal()
    {
        Assert.Equal([null, Nearly, null, null, null, Again], Marked(new(new() { Near = 0.8 }),
            Record(Long, "Yes.", 0), Record(Long.Replace("lazy", "idle"), "Yes.", 1),
            Record("Something else is said here, about ships and harbours and storms.", "No.", 2),
            Record("", "a", 3), Record("", "b", 4), Record("", "A", 5)));
    }

    [Fact]
    public void A_pair_is_found_behind_another_template_and_its_two_directions_stay_together()
    {
        Assert.Equal([null, null, Again, Again, null], Marked(new(new() { Exact = true, Near = 0.9 }),
            Pair(Long, "长句", 0), Pair("长句", Long, 0) with { Pair = new("长句", Long) }, Pair(Long, "长句", 1), Pair("长句", Long, 1),
            Pair("A ship came in.", "船来了。", 2)));
    }

    [Fact]
    public void What_a_held_out_record_asks_is_left_out_whatever_the_answer()
    {
        Duplicates duplicates = new(new() { Near = 0.8 });
        duplicates.HoldOut(Record(Long, "the right answer", 0));
        duplicates.HoldOut(Pair("One sentence.", "一句话。", 1));
        Assert.Equal([HeldOut, NearlyHeldOut, HeldOut, HeldOut, null], Marked(duplicates,
            Record(Long, "another answer", 0), Record(Long.Replace("river", "brook"), "x", 1), Pair("Another one.", "一句话。", 2),
            Pair("one  SENTENCE.", "别的。", 3), Pair("Quite another.", "别的话。", 4)));
    }

    [Fact]
    public void Held_out_records_are_compared_exactly_even_without_dedup()
    {
        Duplicates duplicates = new(new());
        duplicates.HoldOut(Record("Who?", "Me.", 0));
        Assert.Equal([HeldOut, null, null],
            Marked(duplicates, Record("who?", "You.", 0), Record("What?", "This.", 1), Record("What?", "This.", 2)));
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.5)]
    [InlineData(0.85)]
    public void The_estimate_agrees_with_the_true_similarity_of_random_texts(double share)
    {
        // Texts over an alphabet so large that a 5-gram never comes twice. Mean of 60 estimates: standard error below 0.045/√60 = 0.006;
        // four of them allowed.
        Random random = new(7);
        string Text(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)random.Next(0x4E00, 0x9FFF)));
        double estimated = 0, actual = 0;
        const int texts = 60;
        for (var i = 0; i < texts; i++)
        {
            var common = Text((int)(600 * share));
            var (one, other) = (common + Text(600 - common.Length), common + Text(600 - common.Length));
            static HashSet<string> Grams(string text) => [.. Enumerable.Range(0, text.Length - 4).Select(at => text.Substring(at, 5))];
            var (a, b) = (Grams(one), Grams(other));
            actual += (double)a.Intersect(b).Count() / a.Union(b).Count() / texts;
            estimated += (double)MinHash.EqualPlaces(MinHash.Signature(Shingles.Of(one)), MinHash.Signature(Shingles.Of(other)))
                / MinHash.Places / texts;
        }
        Assert.Equal(actual, estimated, 0.025);
    }

    [Fact]
    public void Texts_just_above_the_threshold_are_found_among_many()
    {
        // Hand-made likeness: 300 characters of which the last 12 differ: (288−4)/(296+12) = 0.922.
        Random random = new(8);
        string Text(int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)random.Next('a', 'z' + 1)));
        NearIndex index = new(0.85);
        var texts = Enumerable.Range(0, 2000).Select(_ => Text(300)).ToList();
        Assert.All(texts, text => Assert.False(index.HoldsOrAdd(text)));
        // One in a hundred may be missed; the estimate itself is below 0.85 for 0.922 with probability 0.004.
        Assert.InRange(texts.Count(text => index.Holds(text[..288] + Text(12))), 1970, 2000);
        Assert.Equal(0, Enumerable.Range(0, 2000).Count(_ => index.Holds(Text(300))));
    }

    [Fact]
    public void Thousands_of_texts_that_share_a_long_part_are_no_repetitions_by_chance()
    {
        // A common part and five words of their own: the true similarity, counted here, is below the threshold for every pair, and
        // estimates of many pairs are above it.
        Random random = new(9);
        string Words(int count) => string.Join(' ',
            Enumerable.Range(0, count).Select(_ => string.Concat(Enumerable.Range(0, 7).Select(_ => (char)random.Next('a', 'z' + 1)))));
        var common = Words(30);
        var texts = Enumerable.Range(0, 1500).Select(_ => $"{common} {Words(5)}").ToList();
        var most = texts.Take(60)
            .SelectMany((one, i) => texts.Take(i).Select(other => Shingles.Similarity(Shingles.Of(one), Shingles.Of(other)))).Max();
        Assert.InRange(most, 0.6, 0.84);
        NearIndex index = new(0.85);
        Assert.All(texts, text => Assert.False(index.HoldsOrAdd(text)));
        // One word changed: (275 − 12) of (275 + 12) 5-grams or more.
        Assert.All(texts.Take(200), text => Assert.True(index.Holds(text[..^3] + "xyz")));
    }

    [Fact]
    public void A_true_repetition_is_found_in_the_midst_of_hundreds_that_are_nearly_one()
    {
        // An instruction of 1,500 letters in all; 300 inputs of their own, and pairs of inputs that differ in one word of ten.
        Random random = new(10);
        string Words(int count) => string.Join(' ',
            Enumerable.Range(0, count).Select(_ => string.Concat(Enumerable.Range(0, 7).Select(_ => (char)random.Next('a', 'z' + 1)))));
        var common = Words(188);
        NearIndex index = new(0.86);
        Assert.All(Enumerable.Range(0, 300), _ => Assert.False(index.HoldsOrAdd($"{common} {Words(17)}")));
        Assert.All(Enumerable.Range(0, 20), _ =>
        {
            var text = $"{common} {Words(16)}";
            Assert.False(index.HoldsOrAdd($"{text} {Words(1)}"));
            Assert.True(index.Holds($"{text} {Words(1)}"));
        });
    }

    [Fact]
    public void A_direction_that_was_learned_before_is_left_out_alone_and_one_that_leaks_takes_the_other_along()
    {
        Assert.Equal([null, null, Again], Marked(new(new() { Exact = true }),
            Pair("hello", "你好", 0), Pair("你好", "hello", 0) with { Source = "q.tsv" }, Pair("hello", "你好", 0) with { Source = "q.tsv" }));
        Duplicates duplicates = new(new());
        duplicates.HoldOut(Record("translate 7", "x", 0, input: "你好世界朋友"));
        Assert.Equal([HeldOut, HeldOut, null],
            Marked(duplicates, Pair("hello world", "你好世界朋友", 7), Pair("你好世界朋友", "hello world", 7), Pair("bye", "再见", 8)));
    }

    [Fact]
    public void A_held_out_conversation_is_known_by_its_questions_whatever_the_answers_and_what_stands_before()
    {
        static SourceRecord Talk(long row, params string[] turns) => new(new(turns[^1], "", "z")
        {
            History =
            [.. turns[..^1].Select((question, i) => new LoraAspire.Model.Generation.Turn(question, $"answer {row} {i}"))]
        }, "c.json", row);
        Duplicates duplicates = new(new());
        duplicates.HoldOut(Talk(0, "What is the capital of France?", "And of Spain?"));
        duplicates.HoldOut(Talk(1, "Hello", "How old is the Earth?"));
        Assert.Equal([HeldOut, HeldOut, HeldOut, null, null, HeldOut], Marked(duplicates,
            Talk(2, "What is the capital of France?", "And of Spain?"), Talk(3, "Hi", "What is the capital of France?", "And of Spain?"),
            Talk(4, "What is the capital of France?"),
            Talk(5, "And of Spain?"), Talk(6, "Hello", "What is an atom?"), Talk(7, "Hello", "How old is the Earth?", "Thanks")));
    }

    [Theory]
    [InlineData("What is 2²?", "What is 22?", false)]
    [InlineData("Ｗｈｏ　are you？", "who are you?", true)]
    [InlineData("x⁵", "x5", false)]
    public void Only_case_white_space_and_width_make_no_difference(string one, string other, bool same) =>
        Assert.Equal(same, Duplicates.Normal(one) == Duplicates.Normal(other));

    [Fact]
    public void Texts_that_only_begin_elsewhere_are_no_repetition()
    {
        Assert.Equal([null, null, null, null], Marked(new(new() { Exact = true }),
            Pair("你好 世界", "hello", 0), Pair("你好", "世界 hello", 1), Record("q", "no", 2, input: "yes"), Record("q", "yes no", 3)));
        var chat = Record("Who?", "Me.", 4);
        Assert.Equal([null, null], Marked(new(new() { Exact = true }), chat with { Record = chat.Record with { System = "Be brief." } },
            chat with { Row = 5, Record = chat.Record with { System = "Be kind." } }));
    }

    [Fact]
    public void A_pair_that_was_learned_in_both_directions_is_known_the_other_way_round() =>
        Assert.Equal([null, null, Again, null], Marked(new(new() { Exact = true }),
            Pair("hello", "你好", 0), Pair("你好", "hello", 0), Pair("你好", "hello", 1) with { Source = "q.tsv" }, Pair("再见", "bye", 2)));

    [Fact]
    public void A_held_out_question_is_found_in_any_turn_of_a_conversation()
    {
        Duplicates duplicates = new(new());
        duplicates.HoldOut(Record("What is the capital of France?", "Paris", 0));
        SourceRecord Talk(long row, params string[] questions) => Record(questions[^1], "x", row) is var last
            ? last with
            {
                Record = last.Record with
                {
                    History = [.. questions[..^1]
                .Select(question => new LoraAspire.Model.Generation.Turn(question, "y"))]
                }
            } : throw new InvalidOperationException();
        Assert.Equal([HeldOut, HeldOut, HeldOut, null], Marked(duplicates,
            Talk(1, "What is the capital of France?", "And of Spain?"), Talk(2, "Hi", "what is the capital of France?", "Thanks"), Talk(3,
                "Hi", "What is the capital of France?"), Talk(4, "Hi", "And of Spain?")));
    }

    [Fact]
    public void What_is_held_out_is_found_in_what_repeats_on_purpose_and_in_the_prompts_of_templates()
    {
        Duplicates duplicates = new(new() { Exact = true });
        duplicates.HoldOut(Record("Who are you?", "x", 0));
        duplicates.HoldOut(Record("Say in English: 你好", "x", 1));
        var self = new[] { Record("Who are you?", "I am Yanqi.", 0), Record("What are you?", "I am Yanqi.", 1),
            Record("What are you?", "I am Yanqi.", 2) };
        Assert.Equal([HeldOut, null, null], duplicates.Mark(self, repeats: true).Select(record => record.Dropped));
        Assert.Equal([HeldOut],
            Marked(duplicates, new SourceRecord(new("Say in English:", "你好", "hello"), "p.tsv", 0) { Pair = new("你好", "hello") }));
    }

    [Fact]
    public async Task Self_cognition_leaves_out_what_is_held_out()
    {
        var with =
            StageRun.With(new SelfCognitionSource { Name = "Yanqi", Developer = "the lab" }) with { HeldOut = [StageRun.Alpaca("a.json")] };
        var run = await new StageRun().File("a.json", """[{"instruction": "Who are you?", "output": ""}]""").RunAsync(with);
        var summary = System.Text.Json.JsonElement
            .Parse(await File.ReadAllBytesAsync(Path.Combine(run.Dataset, "dataset.json"), TestContext.Current.CancellationToken));
        // With its four answers.
        Assert.Equal(4, summary.GetProperty("total").GetProperty("dropped").GetProperty("repeats a held-out record").GetInt32());
    }

    [Fact]
    public async Task A_row_of_a_table_is_known_again_behind_another_template()
    {
        TableSource table = new()
        {
            Path = "a.csv",
            Templates = ["Good or bad? [text]", "Judge this: [text]", "[text] Is that praise?"],
            Output = "[label]"
        };
        var run = await new StageRun().File("a.csv", "text,label\nwell made,good\nbroken,bad\nWELL made,good\nwell made,bad\n")
            .File("b.csv", "text,label\nbroken,good\n")
            .RunAsync(StageRun.With(table) with { Dedup = new() { Exact = true }, HeldOut = [table with { Path = "b.csv" }] });
        using var dataset = LoraAspire.Model.Data.InstructionDataset.Open(run.Dataset);
        Assert.Equal([0L, 3], Enumerable.Range(0, dataset.Count).Select(row => dataset.Origin(row).Row));
    }

    [Fact]
    public async Task Repetitions_are_dropped_before_a_sample_is_drawn()
    {
        var rows = string.Join('\n', Enumerable.Range(0, 40).Select(i => $$"""{"instruction": "{{i % 10}}", "output": "x"}"""));
        var run = await new StageRun().File("a.jsonl", rows)
            .RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl", sample: 8)) with { Dedup = new() { Exact = true } });
        using var dataset = LoraAspire.Model.Data.InstructionDataset.Open(run.Dataset);
        Assert.Equal(8, Enumerable.Range(0, dataset.Count).Select(row => dataset.Origin(row).Row % 10).Distinct().Count());
    }
}
