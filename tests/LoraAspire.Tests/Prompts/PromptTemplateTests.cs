using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Prompts;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Prompts;

public sealed class PromptTemplateTests
{
    public static TheoryData<string> Files => GoldenFolder.Cases("preprocess", "preprocess_*.json");

    [Theory, MemberData(nameof(Files)), Trait("Category", "Goldens")]
    public void Prompts_equal_the_goldens_byte_for_byte(string file)
    {
        var golden = JsonElement.Parse(File.ReadAllBytes(GoldenFolder.At(file)));
        var template = golden.GetProperty("template").Deserialize<PromptTemplate>()!;
        if (Path.GetFileNameWithoutExtension(file)["preprocess_".Length..] is var name && PromptTemplate.BuiltIn.Contains(name))
        {
            Assert.Equal(template with { Description = "" }, PromptTemplate.Load(name) with { Description = "" });
        }
        foreach (var (record, prompt) in GoldenFolder.Rows(golden, "records").Zip(GoldenFolder.Rows(golden, "prompts")))
        {
            var user = template.Prompt(record.GetProperty("instruction").GetString()!, record.GetProperty("input").GetString());
            Assert.Equal(prompt.GetProperty("user").GetString(), user);
            Assert.Equal(prompt.GetProperty("full").GetString(), user + record.GetProperty("output").GetString());
        }
    }

    [Fact]
    public void Braces_in_a_record_are_text_and_doubled_braces_in_a_template_are_single()
    {
        PromptTemplate template = new("", "{instruction}|{{x}}|{input}", "{instruction}", "|");
        Assert.Equal("{input}|{x}|{instruction}", template.Prompt("{input}", "{instruction}"));
    }

    [Fact]
    public void The_answer_is_what_stands_between_the_first_marker_and_the_next()
    {
        var template = PromptTemplate.Load("alpaca");
        Assert.Equal("Pebble.", template.Response("### Instruction:\nWho?\n\n### Response:\n Pebble. \n### Response:\nagain"));
        Assert.Equal("no marker", template.Response(" no marker "));
    }

    [Theory]
    [InlineData("{instruction} {input}", "Say it.", "prompt_no_input has no {instruction}")]
    [InlineData("{instruction}", "{instruction}", "prompt_input has no {input}")]
    [InlineData("{{instruction}} {input}", "{instruction}", "prompt_input has no {instruction}")]
    public void A_template_file_that_would_lose_a_part_of_every_record_is_refused(string withInput, string without, string words)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "t.json");
        new PromptTemplate("", withInput, without, "###").Save(path);
        Assert.Contains(words, Assert.Throws<ModelException>(() => PromptTemplate.Load(path)).Message);
    }

    [Fact]
    public void A_saved_template_loads_as_it_was()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, PromptTemplate.FileName);
        var template = PromptTemplate.Load("bayling") with { Description = "雁栖 \"<quoted>\"" };
        template.Save(path);
        Assert.Equal(template, PromptTemplate.Load(path));
        Assert.Contains("雁栖", File.ReadAllText(path));
    }

    [Theory]
    [InlineData("""{"description":"","prompt_input":"{instruction}{input}","response_split":"x"}""", "prompt_no_input")]
    [InlineData("""{"description":"","prompt_input":"{question}","prompt_no_input":"","response_split":"x"}""", "{question}")]
    [InlineData("""{"description":"","prompt_input":"","prompt_no_input":"","response_split":""}""", "response_split")]
    [InlineData("not json", "placeholders")]
    public void A_file_that_is_no_template_is_refused_in_words(string json, string word)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "t.json");
        File.WriteAllText(path, json);
        var error = Assert.Throws<ModelException>(() => PromptTemplate.Load(path));
        Assert.Contains(path, error.Message);
        Assert.Contains(word, error.Message);
    }

    [Fact]
    public void An_unknown_name_lists_the_built_in_ones()
    {
        var error = Assert.Throws<ModelException>(() => PromptTemplate.Load("alpca"));
        Assert.Contains("alpaca, bayling, plain", error.Message);
    }
}
