using LoraAspire.DataBuild.Grammar;

if (args is ["grammar", ..])
{
    Console.OutputEncoding = new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
    return GrammarCommand.Run(args[1..], Console.Out, Console.Error);
}
var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
app.Run();
return 0;
