using static LoraAspire.Tests.DataBuild.Written.ScriptedServer;

namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>The whole stage against a server that behaves and misbehaves as scripted.</summary>
public sealed class WriterTests
{
    private const string Three =
        "1. Say [input] in [tgt_lang].\n2. \"Put [input] from [src_lang] into [tgt_lang].\"\n3. What is [input] in [tgt_lang]?";

    [Fact]
    public async Task Templates_are_asked_for_by_example_and_used_with_the_given_ones()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says(Three));
        var dataset = await run.RunAsync(WriterRun.Pairs(run.Writer(server), 3));
        var texts = WriterRun.Texts(dataset);

        var request = Assert.Single(server.Seen);
        Assert.Equal("/v1/chat/completions", request.Path);
        Assert.Equal("Bearer " + WriterRun.Key, request.Authorization);
        Assert.Equal("scripted", request.Body.GetProperty("model").GetString());
        Assert.Contains("1. From [src_lang] to [tgt_lang]: [input]\n", request.Prompt);
        Assert.Contains("Write 3 more", request.Prompt);
        Assert.All(texts, text => Assert.DoesNotContain("[input]", text));
        string[] starts = ["From Chinese", "Say 你好", "Say 再见", "Say 谢谢", "Put ", "What is "];
        Assert.All(texts,
            text => Assert.Contains(starts, start => text.StartsWith($"### Instruction:\n{start}", StringComparison.Ordinal)));
        Assert.Contains(texts, text => !text.Contains("From Chinese to English:"));
        Assert.Contains("\"parallel p.tsv, templates, written by scripted\": \"sha256:",
            await File.ReadAllTextAsync(Path.Combine(dataset, "dataset.json"), TestContext.Current.CancellationToken));
        run.AssertNoSecret(null, WriterRun.Key);
    }

    [Fact]
    public async Task An_answer_is_asked_for_by_schema_and_read_by_it()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says("""{"items": ["Say [input] in [tgt_lang].", "What is [input] in [tgt_lang]?"]}"""));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 2));
        var format = Assert.Single(server.Seen).Body.GetProperty("response_format");
        Assert.Equal("json_schema", format.GetProperty("type").GetString());
        var items = format.GetProperty("json_schema").GetProperty("schema").GetProperty("properties").GetProperty("items");
        Assert.Equal(("array", "string"),
            (items.GetProperty("type").GetString(), items.GetProperty("items").GetProperty("type").GetString()));
        Assert.Contains("Answer with JSON, { \"items\":",
            server.Seen.First().Body.GetProperty("messages")[0].GetProperty("content").GetString());

        await using var records = await StartAsync(
            Says("""{"items": [{"instruction": "Say who you are.", "output": "Yanqi, at your service."}]}"""),
            Says("""{"items": [{"instruction": "报上名字来。", "output": "我叫Yanqi。"}]}"""));
        var texts = WriterRun.Texts(await run.RunAsync(WriterRun.Self(run.Writer(records), 2)));
        Assert.Equal(["### Instruction:\nSay who you are.\n\n### Response:\nYanqi, at your service.",
            "### Instruction:\n报上名字来。\n\n### Response:\n我叫Yanqi。"], texts.TakeLast(2));
        Assert.Equal(2, records.Seen.Count);
    }

    [Theory]
    [InlineData(400, "This response_format type is unavailable now")]
    [InlineData(422, "Unsupported json_schema")]
    public async Task A_server_that_knows_no_schema_is_asked_without_once_for_all(int status, string words)
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Fails(status, body: $$$"""{"error":{"message":"{{{words}}}"}}"""),
            Says("1. Say [input] in [tgt_lang]."), Says(Three));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 2));
        Assert.Equal([true, false, false], server.Seen.Select(request => request.Body.TryGetProperty("response_format", out _)));
        Assert.All(server.Seen.Skip(1), request =>
            Assert.Contains("Answer with a numbered list", request.Body.GetProperty("messages")[0].GetProperty("content").GetString()));
        Assert.Contains(run.Said,
            line => line.Contains("request 1 failed: the model takes no schema for its answer; it is asked without one from now on"));
    }

    [Fact]
    public async Task What_is_missing_is_asked_for_again_and_each_drop_has_its_reason()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(
            Says("Sure!\n1. Say [input] in [tgt_lang].\n2. say [input] in [tgt_lang]\n3. Put this into [tgt_lang].\n4. Say [text] in "
                + "[tgt_lang].\n5. from [src_lang] to [tgt_lang]: [input]!"),
            Says(Three));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 3));

        Assert.Equal(2, server.Seen.Count);
        Assert.Contains("1. Say [input] in [tgt_lang].\n\nWrite 2 more", server.Seen.Last().Prompt);
        Assert.Contains(run.Said,
            line => line.Contains("accepted 1 of 3, request 1; dropped so far: 1 ([input] is missing), 2 (a repetition), 1 (prose around "
                + "the items), 1 (unknown placeholder [text])"));
        Assert.Contains(run.Said, line => line.Contains("accepted 3 of 3, request 2"));
    }

    [Fact]
    public async Task A_rerun_sends_nothing_and_gives_the_same_bytes()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says(Three));
        var with = WriterRun.Pairs(run.Writer(server), 3);
        var (one, two) = (await run.RunAsync(with), await run.RunAsync(with));

        Assert.Single(server.Seen);
        Assert.Contains(run.Said, line => line.Contains("3 of 3 from the cache"));
        foreach (var name in new[] { "dataset.arrow", "dataset.json", "preview.md" })
        {
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(one, name), TestContext.Current.CancellationToken),
                await File.ReadAllBytesAsync(Path.Combine(two, name), TestContext.Current.CancellationToken));
        }
        // Asking for more later keeps what is there, whatever the address is by then.
        await using var other = await StartAsync(Says("1. Give [input] to me in [tgt_lang]."));
        await run.RunAsync(WriterRun.Pairs(run.Writer(other), 4));
        Assert.Contains("Write 1 more", Assert.Single(other.Seen).Prompt);
    }

    [Fact]
    public async Task A_damaged_cache_file_is_set_aside_with_a_warning()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says(Three));
        var with = WriterRun.Pairs(run.Writer(server), 3);
        await run.RunAsync(with);
        var file = Assert.Single(run.CacheFiles);
        foreach (var damage in new Func<string, string>[] { text => text[..40], text => text.Replace("Say ", "Sag ") })
        {
            var damaged = damage(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
            await File.WriteAllTextAsync(file, damaged, TestContext.Current.CancellationToken);
            await run.RunAsync(with);
            Assert.Equal(damaged, await File.ReadAllTextAsync(file + ".damaged", TestContext.Current.CancellationToken));
        }
        Assert.Equal(3, server.Seen.Count);
        Assert.Equal(2, run.Said.Count(line => line.Contains("is damaged")));
        Assert.Single(run.CacheFiles);
    }

    [Fact]
    public async Task Runs_at_the_same_time_keep_each_others_items_and_give_the_same_data()
    {
        using WriterRun run = new();
        // Both ask before either is answered.
        using Barrier both = new(2);
        Func<Microsoft.AspNetCore.Http.HttpContext, Task> Meets(string text) => async http =>
        {
            await Task.Run(() => both.SignalAndWait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
            await Says(text)(http);
        };
        await using var server = await StartAsync(Meets("1. One [input] in [tgt_lang]\n2. Two [input] in [tgt_lang]"),
            Meets("1. Three [input] in [tgt_lang]\n2. Four [input] in [tgt_lang]"));
        var with = WriterRun.Pairs(run.Writer(server), 2);
        var datasets = await Task.WhenAll(Task.Run(() => run.RunAsync(with)), Task.Run(() => run.RunAsync(with)));

        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 4));
        Assert.Equal(2, server.Seen.Count);
        Assert.Contains(run.Said, line => line.Contains("4 of 4 from the cache"));
        var again = WriterRun.Texts(await run.RunAsync(with));
        Assert.All(datasets, dataset => Assert.Equal(again, WriterRun.Texts(dataset)));
    }

    [Fact]
    public async Task Too_few_after_the_budget_is_an_error_and_what_was_accepted_stays()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says("1. Say [input] in [tgt_lang].\n2. No place in [tgt_lang]."),
            Says("I'd rather not."), Says("1. No place in [tgt_lang]."));
        var failure = await run.FailureAsync(WriterRun.Pairs(run.Writer(server, maxRequests: 3), 2));

        Assert.Equal(3, server.Seen.Count);
        Assert.Contains("wrote 1 of 2 items for parallel p.tsv, templates", failure.Message);
        Assert.Contains("2 ([input] is missing)", failure.Message);
        Assert.Contains("1 (an answer without any item)", failure.Message);
        Assert.Contains("writer.max_requests", failure.Message);
        await using var again = await StartAsync(Says("1. What is [input] in [tgt_lang]?"));
        await run.RunAsync(WriterRun.Pairs(run.Writer(again), 2));
        Assert.Contains("1. Say [input] in [tgt_lang].\n\nWrite 1 more", Assert.Single(again.Seen).Prompt);
    }

    [Fact]
    public async Task Self_cognition_records_are_written_in_both_languages_and_checked()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(
            Says("```json\n[{\"instruction\": \"Say who you are.\", \"output\": \"Yanqi, at your service.\"},\n{\"instruction\": \"Who "
                + "are you?\", \"output\": \"I am ChatGPT.\"}]\n```"),
            Says("{“instruction”：“报上名字来。”，“output”：“我叫Yanqi。”}\n{\"instruction\": \"你是谁？\", \"output\": \"I am Yanqi.\"}"));
        var with = WriterRun.Self(run.Writer(server), 2);
        var texts = WriterRun.Texts(await run.RunAsync(with));

        Assert.Equal(["### Instruction:\nSay who you are.\n\n### Response:\nYanqi, at your service.",
            "### Instruction:\n报上名字来。\n\n### Response:\n我叫Yanqi。"], texts.TakeLast(2));
        Assert.Contains("Its developer: the lab", server.Seen.First().Prompt);
        Assert.Contains("开发者：the lab", server.Seen.Last().Prompt);
        Assert.Contains(run.Said, line => line.Contains("another: ChatGPT"));
        Assert.Contains(run.Said, line => line.Contains("not in Chinese"));
        Assert.Equal(texts, WriterRun.Texts(await run.RunAsync(with)));
        Assert.Equal(2, server.Seen.Count);
    }

    [Fact]
    public async Task A_record_of_our_own_bank_is_a_repetition()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(
            Says("{\"instruction\": \"what are you called\", \"output\": \"I am called Yanqi!\"}\n{\"instruction\": \"Say who you "
                + "are.\", \"output\": \"Yanqi, at your service.\"}"), Says("{\"instruction\": \"报上名字来。\", \"output\": \"我叫Yanqi。\"}"));
        await run.RunAsync(WriterRun.Self(run.Writer(server), 2));
        Assert.Contains(run.Said, line => line.Contains("accepted 1 of 1, request 1; dropped so far: 1 (a repetition)"));
    }

    [Fact]
    public async Task Templates_of_a_table_hold_its_columns()
    {
        using WriterRun run = new();
        await using var server = await StartAsync(Says("1) What do you think of [text]?\n2) Is it [label]? [text]\n3) Rate [review]."));
        var texts = WriterRun.Texts(await run.RunAsync(run.Table(run.Writer(server), 1)));

        Assert.Contains("1. Good or bad? [text]\n", Assert.Single(server.Seen).Prompt);
        Assert.Contains("its answer is [label]", server.Seen.First().Prompt);
        Assert.Contains(run.Said, line => line.Contains("2 (unknown placeholder [label], [review])"));
        // Two templates go round over two rows: each is used once.
        Assert.Single(texts, text => text.StartsWith("### Instruction:\nGood or bad? ", StringComparison.Ordinal));
        Assert.Single(texts, text => text.StartsWith("### Instruction:\nWhat do you think of ", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.EndsWith("### Response:\ngood", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_answer_that_ran_into_its_length_loses_its_last_item()
    {
        using WriterRun run = new();
        await using var server =
            await StartAsync(Says("1. Say [input] in [tgt_lang].\n2. Put [input] into [tgt_lang] and", "length"), Says(Three));
        await run.RunAsync(WriterRun.Pairs(run.Writer(server), 2));
        Assert.Contains("Write 1 more", server.Seen.Last().Prompt);
    }
}
