using System.Text;
using LoraAspire.Grammar;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
return GrammarCommand.Run(args, Console.Out, Console.Error);
